import type { ComponentChildren } from 'preact';
import '../reports.css';
import { askReport, get, type ReportAnswer, type ReportInfo } from '../api.ts';
import { useAnswer } from '../ask.ts';
import { Field, Problem } from '../parts.tsx';
import { PlotView } from '../plot.tsx';
import { go, type Place } from '../route.ts';
import { type Cell, Table } from '../table.tsx';
import { spanOf } from '../time.ts';
import { TimePicker } from '../time-picker.tsx';
import { ZONE } from '../zone.ts';

/** Everything that a form says, but for what is left empty. */
export function saidIn(form: HTMLFormElement): Record<string, string> {
  const said: Record<string, string> = {};
  for (const [name, value] of new FormData(form)) if (typeof value === 'string' && value !== '') said[name] = value;
  return said;
}

interface ViewProps {
  readonly info: ReportInfo;
  readonly query: URLSearchParams;
  /** Where the form leads. */
  readonly path: string;
  /** What a value is when neither the form nor the address says another. */
  readonly defaults?: Readonly<Record<string, string>>;
  /** What else of the page's address stays when the form is sent. */
  readonly kept?: readonly string[];
  /** What the page shows between the time and the form. */
  readonly children?: ComponentChildren;
}

/** The time of a report is asked for by the picker. */
const TIME: readonly string[] = ['since', 'until'];

/** Cells of a report's table: they are sorted by what the store has, and lead to the connections behind them. */
export function cellsOf({ cells, values, links }: ReportAnswer): Cell[][] {
  return cells.map((row, y) => row.map((text, x) => ({ text, value: values[y]?.[x] ?? undefined, href: links[y]?.[x] ?? undefined })));
}

/** A report: its time, its form, its picture, its table, and the SQL behind them. The state of all is the page's address. */
export function ReportView({ info, query, path, defaults = {}, kept = [], children }: ViewProps) {
  const timed = info.parameters.some(({ flag }) => flag === 'since');
  const fallback = defaults.since ?? info.parameters.find(({ flag }) => flag === 'since')?.fallback ?? '1d';
  const span = spanOf(query, fallback);
  const value = (flag: string): string => {
    if (flag === 'since') return span.since;
    return flag === 'until' ? span.until : (query.get(flag) ?? defaults[flag] ?? '');
  };
  const said = Object.fromEntries(info.parameters.map(({ flag }) => [flag, value(flag)] as const).filter(([, text]) => text !== ''));
  const missing = info.parameters.find(({ flag, required }) => required && value(flag) === '');
  const asked = useAnswer(`${info.name}?${new URLSearchParams(said)}`, async (signal) =>
    missing === undefined ? askReport(info.name, said, signal) : undefined,
  );
  const { answer } = asked;
  const form = info.parameters.filter(({ flag }) => !TIME.includes(flag));
  const own = new URLSearchParams(query);
  for (const flag of TIME) own.delete(flag);
  const file = `/api/reports/${info.name}.csv?${new URLSearchParams({ ...said, zone: ZONE })}`;
  return (
    <>
      {timed && <TimePicker path={path} query={query} fallback={fallback} />}
      {children}
      <form
        // What is being typed stays when the page is drawn anew, and when another time is chosen; another question is another form.
        key={String(own)}
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          const next = new URLSearchParams(saidIn(event.currentTarget));
          for (const name of [...TIME, ...kept]) if (query.has(name)) next.set(name, query.get(name) ?? '');
          go(`${path}?${next}`);
        }}
      >
        {form.map(({ flag, argument, doc, fallback: preset, words }) => (
          <Field key={flag} name={flag} hint={doc}>
            {words === null ? (
              <input
                name={flag}
                defaultValue={value(flag)}
                placeholder={preset ?? argument.toLowerCase()}
                autocomplete="off"
                spellcheck={false}
              />
            ) : (
              <select name={flag}>
                {preset === null && <option value="">any</option>}
                {words.map((word) => (
                  <option key={word} value={word} selected={word === (value(flag) || preset)}>
                    {word.replaceAll('_', ' ')}
                  </option>
                ))}
              </select>
            )}
          </Field>
        ))}
        <button type="submit">Ask</button>
      </form>
      {missing !== undefined && (
        <p class="dim">
          Say which {missing.flag}: {missing.doc}.
        </p>
      )}
      {asked.error !== undefined && <Problem text={asked.error} />}
      {missing === undefined && answer === undefined && asked.error === undefined && <p class="dim">Asking…</p>}
      {answer !== undefined && (
        <div class={asked.busy ? 'stale' : ''}>
          {answer.plot !== null && <PlotView plot={answer.plot} links={answer.plot_links} place={{ path, query }} filters={said} />}
          {answer.cells.length === 0 ? (
            <p class="dim">{answer.none}</p>
          ) : (
            <Table label={info.name} columns={answer.columns} cells={cellsOf(answer)} csv={file} />
          )}
          {answer.more && <p class="dim">The limit is reached, so there may be more rows. Raise the limit to see them.</p>}
          <p class="links">
            <a href={`/sql?q=${encodeURIComponent(answer.sql)}`}>Open in SQL</a>
          </p>
        </div>
      )}
    </>
  );
}

/** What the help of a report says more: sentences, and words with what they mean, which are indented there. */
function More({ text }: { readonly text: string }) {
  const [words, rest]: [string[][], string[]] = [[], []];
  for (const line of text.split('\n')) {
    const [, word = '', meaning = ''] = /^ {2}(.+?) {2,}(.+)$/.exec(line) ?? [];
    if (word === '') rest.push(line);
    else words.push([word, meaning]);
  }
  return (
    <>
      {rest.length > 0 && <p class="dim">{rest.join(' ').trim()}</p>}
      {words.length > 0 && (
        <dl class="words dim">
          {words.map(([word, meaning]) => (
            <div key={word}>
              <dt>{word}</dt> <dd>{meaning}</dd>
            </div>
          ))}
        </dl>
      )}
    </>
  );
}

/** Every report by its name. */
export function Reports({ path, query }: Place) {
  const list = useAnswer('reports', (signal) => get<ReportInfo[]>('/api/reports', signal));
  const name = path.split('/')[2] ?? 'who';
  const info = list.answer?.find((report) => report.name === name);
  return (
    <>
      <h1>Reports</h1>
      {list.error !== undefined && <Problem text={list.error} />}
      <nav class="chips" aria-label="Reports">
        {list.answer?.map((report) => (
          <a key={report.name} href={`/reports/${report.name}`} aria-current={report.name === name ? 'page' : undefined} title={report.doc}>
            {report.name}
          </a>
        ))}
      </nav>
      {list.answer !== undefined && info === undefined && <Problem text={`There is no report ${name}.`} />}
      {info !== undefined && (
        <section key={name}>
          <p>{info.doc}</p>
          <ReportView info={info} query={query} path={`/reports/${name}`} />
          <More text={info.more} />
        </section>
      )}
    </>
  );
}
