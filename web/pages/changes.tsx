import type { Changelog } from '../../src/story/document.ts';
import { get, type ReportInfo } from '../api.ts';
import { useAnswer } from '../ask.ts';
import { Field, Problem } from '../parts.tsx';
import { go, type Place } from '../route.ts';
import { ChangeRows } from '../story/tables.tsx';
import { ZONE } from '../zone.ts';
import { saidIn } from './reports.tsx';

const DEFAULTS: Readonly<Record<string, string>> = { since: '7d', limit: '200' };

/** Who changed what. */
export function Changes({ path, query }: Place) {
  const list = useAnswer('reports', (signal) => get<ReportInfo[]>('/api/reports', signal));
  const info = list.answer?.find((report) => report.name === 'changes');
  return (
    <>
      <h1>Changes</h1>
      {list.error !== undefined && <Problem text={list.error} />}
      {info !== undefined && <List key={String(query)} {...{ path, query, info }} />}
    </>
  );
}

function List({ path, query, info }: Place & { readonly info: ReportInfo }) {
  const value = (flag: string): string => query.get(flag) ?? DEFAULTS[flag] ?? '';
  const said = Object.fromEntries(info.parameters.map(({ flag }) => [flag, value(flag)] as const).filter(([, text]) => text !== ''));
  const where = new URLSearchParams({ ...said, zone: ZONE });
  const asked = useAnswer(String(where), (signal) => get<Changelog>(`/api/changelog?${where}`, signal));
  const { answer } = asked;
  return (
    <>
      <p class="dim">{info.doc}</p>
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          go(`${path}?${new URLSearchParams(saidIn(event.currentTarget))}`);
        }}
      >
        {info.parameters.map(({ flag, argument, doc, fallback }) => (
          <Field key={flag} name={flag} hint={doc}>
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
          {answer.changes.length === 0 ? <p class="dim">{answer.none}</p> : <ChangeRows label="changes" all={answer.changes} />}
          {answer.more && <p class="dim">There may be more: raise the limit.</p>}
          <p class="links">
            <a href={`/api/reports/changes.csv?${where}`} download="changes.csv">
              Download CSV
            </a>
            <a href={`/sql?q=${encodeURIComponent(answer.sql)}`}>Open its SQL</a>
          </p>
        </div>
      )}
    </>
  );
}
