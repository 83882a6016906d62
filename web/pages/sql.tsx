import { useRef, useState } from 'preact/hooks';
import { countText, durationText } from '../../src/text/format.ts';
import { askSql, get, type SqlAnswer } from '../api.ts';
import { useAnswer } from '../ask.ts';
import { Problem } from '../parts.tsx';
import { go, type Place } from '../route.ts';
import { type Cell, Table } from '../table.tsx';

const FIRST =
  'SELECT client_addr, real_addr, start, end, outcome\nFROM connections\nWHERE start > now() - INTERVAL 1 HOUR\nORDER BY start DESC\nLIMIT 100';
const NUMBER = /^(Nullable\()?(U?Int|Float|Decimal)/;

/** A value as it is shown; numbers are sorted by it. NULL is empty in CSV. */
function cellOf(value: unknown): Cell {
  if (value === null) return { text: 'NULL', value: '' };
  if (typeof value === 'number') return { text: String(value), value };
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

interface Done {
  readonly answer?: SqlAnswer;
  readonly error?: string;
  readonly seconds: number;
}

/** SQL with the tables beside it. Ctrl-Enter runs it; what stands in the address is only put there, since a link may be anybody's. */
export function Sql({ query }: Place) {
  const schema = useAnswer('schema', (signal) => get<SqlAnswer>('/api/schema', signal));
  const [done, setDone] = useState<Done>();
  const [running, setRunning] = useState<AbortController>();
  const box = useRef<HTMLTextAreaElement>(null);
  const tables = new Map<string, string[]>();
  for (const [kind, name, table] of schema.answer?.data ?? [])
    if (kind === 'column' && !String(table).endsWith('_feed'))
      tables.set(String(table), [...(tables.get(String(table)) ?? []), String(name)]);

  const run = async (): Promise<void> => {
    const sql = box.current?.value ?? '';
    const mine = new AbortController();
    setRunning(mine);
    const began = performance.now();
    const seconds = (): number => (performance.now() - began) / 1000;
    try {
      setDone({ answer: await askSql(sql, mine.signal), seconds: seconds() });
      go(`/sql?q=${encodeURIComponent(sql)}`, true);
    } catch (error) {
      setDone({ error: mine.signal.aborted ? 'Cancelled.' : error instanceof Error ? error.message : String(error), seconds: seconds() });
    } finally {
      setRunning(undefined);
    }
  };
  const put = (word: string): void => {
    const area = box.current;
    if (area === null) return;
    area.setRangeText(word, area.selectionStart, area.selectionEnd, 'end');
    area.focus();
  };
  return (
    <>
      <h1>SQL</h1>
      <p class="dim">ClickHouse SQL, read-only. Ctrl-Enter runs the query. Conditions on client_ip, real_ip, start and end are fast.</p>
      <div class="split">
        <div>
          <textarea
            ref={box}
            rows={9}
            spellcheck={false}
            aria-label="SQL"
            defaultValue={query.get('q') ?? FIRST}
            onKeyDown={(event) => {
              if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void run();
            }}
          />
          <p class="row">
            <button type="button" onClick={() => void run()} disabled={running !== undefined}>
              Run
            </button>
            {running !== undefined && (
              <button type="button" class="quiet" onClick={() => running.abort()}>
                Cancel
              </button>
            )}
            {done !== undefined && running === undefined && (
              <span class="dim" role="status">
                {done.answer === undefined ? '' : `${countText(done.answer.rows)} ${done.answer.rows === 1 ? 'row' : 'rows'}, `}
                {durationText(done.seconds)}
              </span>
            )}
          </p>
          {query.has('q') && done === undefined && running === undefined && (
            <p class="dim">This query came with the address: read it, then run it.</p>
          )}
          {done?.error !== undefined && <Problem text={done.error} />}
          {done?.answer?.cut === true && (
            <p class="problem" role="status">
              Only the first {countText(done.answer.rows)} rows are shown. Ask with LIMIT, or use vslog sql for all.
            </p>
          )}
          {done?.answer !== undefined && (
            <Table
              label="Answer"
              columns={done.answer.meta.map(({ name, type }) => ({ title: name, right: NUMBER.test(type) }))}
              cells={done.answer.data.map((row) => row.map(cellOf))}
            />
          )}
        </div>
        <aside class="card schema" aria-label="Tables">
          {[...tables].map(([table, columns]) => (
            <details key={table}>
              <summary>{table}</summary>
              {columns.map((column) => (
                <button type="button" class="word" key={column} onClick={() => put(column)}>
                  {column}
                </button>
              ))}
            </details>
          ))}
        </aside>
      </div>
    </>
  );
}
