import { askReport, get, type ReportInfo } from '../api.ts';
import { useAnswer } from '../ask.ts';
import { Field, Problem } from '../parts.tsx';
import { PlotView } from '../plot.tsx';
import { go, type Place } from '../route.ts';
import { Table } from '../table.tsx';
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
}

/** A report: its form, its picture, its table, and the SQL behind them. The form's state is the page's address. */
export function ReportView({ info, query, path, defaults = {}, kept = [] }: ViewProps) {
  const value = (flag: string): string => query.get(flag) ?? defaults[flag] ?? '';
  const said = Object.fromEntries(info.parameters.map(({ flag }) => [flag, value(flag)] as const).filter(([, text]) => text !== ''));
  const missing = info.parameters.find(({ flag, required }) => required && value(flag) === '');
  const asked = useAnswer(`${info.name}?${new URLSearchParams(said)}`, async (signal) =>
    missing === undefined ? askReport(info.name, said, signal) : undefined,
  );
  const { answer } = asked;
  return (
    <>
      <form
        // What is being typed stays when the page is drawn anew; another question is another form.
        key={String(query)}
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          const next = new URLSearchParams(saidIn(event.currentTarget));
          for (const name of kept) if (query.has(name)) next.set(name, query.get(name) ?? '');
          go(`${path}?${next}`);
        }}
      >
        {info.parameters.map(({ flag, argument, doc, fallback, words }) => (
          <Field key={flag} name={flag} hint={doc}>
            {words === null ? (
              <input
                name={flag}
                defaultValue={value(flag)}
                placeholder={fallback ?? argument.toLowerCase()}
                autocomplete="off"
                spellcheck={false}
              />
            ) : (
              <select name={flag}>
                {words.map((word) => (
                  <option key={word} value={word} selected={word === (value(flag) || fallback)}>
                    {word}
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
          {answer.plot !== null && <PlotView plot={answer.plot} />}
          {answer.cells.length === 0 ? (
            <p class="dim">{answer.none}</p>
          ) : (
            <Table label={info.name} columns={answer.columns} cells={answer.cells} />
          )}
          {answer.more && <p class="dim">There may be more: raise the limit.</p>}
          <p class="links">
            <a href={`/api/reports/${info.name}.csv?${new URLSearchParams({ ...said, zone: ZONE })}`} download={`${info.name}.csv`}>
              Download CSV
            </a>
            <a href={`/sql?q=${encodeURIComponent(answer.sql)}`}>Open its SQL</a>
          </p>
        </div>
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
          {info.more !== '' && <p class="dim">{info.more}</p>}
        </section>
      )}
    </>
  );
}
