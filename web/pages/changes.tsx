import type { Changelog } from '../../src/story/document.ts';
import { get, type ReportInfo } from '../api.ts';
import { useAnswer } from '../ask.ts';
import { Field, Problem } from '../parts.tsx';
import { go, type Place } from '../route.ts';
import { ChangeRows } from '../story/tables.tsx';
import { spanOf } from '../time.ts';
import { TimePicker } from '../time-picker.tsx';
import { ZONE } from '../zone.ts';
import { saidIn } from './reports.tsx';

const SINCE = '7d';
const LIMIT = '200';
/** Fields in the words of the page. */
const NAMES: Readonly<Record<string, string>> = { name: 'knob', vs: 'virtual service', rs: 'real server', node: 'director' };

/** Who changed what. */
export function Changes({ path, query }: Place) {
  const list = useAnswer('reports', (signal) => get<ReportInfo[]>('/api/reports', signal));
  const info = list.answer?.find((report) => report.name === 'changes');
  return (
    <>
      <h1>Changes</h1>
      <TimePicker path={path} query={query} fallback={SINCE} />
      {list.error !== undefined && <Problem text={list.error} />}
      {info !== undefined && <List {...{ path, query, info }} />}
    </>
  );
}

/** Asked for by the picker. */
const TIME: readonly string[] = ['since', 'until'];

function List({ path, query, info }: Place & { readonly info: ReportInfo }) {
  const span = spanOf(query, SINCE);
  const fields = info.parameters.filter(({ flag }) => !TIME.includes(flag));
  const value = (flag: string): string => query.get(flag) ?? (flag === 'limit' ? LIMIT : '');
  const said = Object.fromEntries(
    [...fields.map(({ flag }) => [flag, value(flag)] as const), ...Object.entries(span)].filter(([, text]) => text !== ''),
  );
  const where = new URLSearchParams({ ...said, zone: ZONE });
  const asked = useAnswer(String(where), (signal) => get<Changelog>(`/api/changelog?${where}`, signal));
  const { answer } = asked;
  return (
    <>
      <form
        key={fields.map(({ flag }) => value(flag)).join()}
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          const next = new URLSearchParams(saidIn(event.currentTarget));
          for (const name of TIME) if (query.has(name)) next.set(name, query.get(name) ?? '');
          go(`${path}?${next}`);
        }}
      >
        {fields.map(({ flag, argument, doc, fallback }) => (
          <Field key={flag} name={NAMES[flag] ?? flag} hint={doc}>
            <input
              name={flag}
              defaultValue={value(flag)}
              placeholder={fallback ?? argument.toLowerCase()}
              autocomplete="off"
              spellcheck={false}
            />
          </Field>
        ))}
        <button type="submit">Ask</button>
      </form>
      {asked.error !== undefined && <Problem text={asked.error} />}
      {answer === undefined && asked.error === undefined && <p class="dim">Asking…</p>}
      {answer !== undefined && (
        <div class={asked.busy ? 'stale' : ''}>
          {answer.changes.length === 0 ? (
            <p class="dim">{answer.none}</p>
          ) : (
            <ChangeRows label="changes" all={answer.changes} csv={`/api/reports/changes.csv?${where}`} />
          )}
          {answer.more && <p class="dim">The limit is reached, so there may be more changes. Raise the limit to see them.</p>}
          <p class="links">
            <a href={`/sql?q=${encodeURIComponent(answer.sql)}`}>Open in SQL</a>
          </p>
        </div>
      )}
    </>
  );
}
