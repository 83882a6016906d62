import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Sink } from '../sink/sink.js';
import type { Segment } from '../spool/segment.js';
import { requireReadOnly } from './read-only.js';

export interface Store extends Sink {
  /** The answer to one reading statement, as the engine's bytes. */
  query(sql: string, options: { readonly format: string }): Promise<Uint8Array>;
}
type Answer = { id: number; bytes?: Uint8Array; error?: string };
type Waiting = { resolve(bytes: Uint8Array): void; reject(error: Error): void };

const quote = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** ClickHouse in a child process; a child that died is started again by the next call. */
export function createEmbeddedStore(options: { readonly dir: string }): Store {
  let child: ChildProcess | undefined;
  let ready: Promise<void> | undefined;
  let next = 1;
  const waiting = new Map<number, Waiting>();

  const ask = (message: object): Promise<Uint8Array> =>
    new Promise((resolve, reject) => {
      if (!child?.connected) return reject(new Error('the embedded store is not running; it is started again'));
      const id = next++;
      waiting.set(id, { resolve, reject });
      child.send({ id, ...message });
    });
  const run = (sql: string, format = 'TSV'): Promise<Uint8Array> => ask({ sql, format });
  const text = async (sql: string): Promise<string> =>
    Buffer.from(await run(sql))
      .toString()
      .trim();

  const open = async (): Promise<void> => {
    mkdirSync(options.dir, { recursive: true });
    const started = fork(here('./engine-child.mjs'), { serialization: 'advanced', execArgv: [] });
    child = started;
    started.on('message', (answer: Answer) => {
      const one = waiting.get(answer.id);
      waiting.delete(answer.id);
      if (answer.error !== undefined) one?.reject(new Error(answer.error));
      else one?.resolve(answer.bytes ?? new Uint8Array());
    });
    started.on('exit', () => {
      if (child === started) child = ready = undefined;
      for (const one of waiting.values()) one.reject(new Error('the embedded store ended; it is started again'));
      waiting.clear();
    });
    await ask({ dir: options.dir });
    for (const name of readdirSync(here('./migrations')).sort()) {
      for (const sql of readFileSync(here(`./migrations/${name}`), 'utf8').split(/;\n/)) if (sql.trim() !== '') await run(sql);
    }
  };
  const start = (): Promise<void> => {
    ready ??= open().catch((error: unknown) => {
      child?.kill('SIGKILL');
      child = ready = undefined;
      throw error;
    });
    return ready;
  };

  const deliver = async (segment: Segment): Promise<void> => {
    await start();
    const [table, message] = segment.record === 'conn' ? ['conn_events', 'ConnEvent'] : ['control_events', 'ControlEvent'];
    const among = `node = ${quote(segment.node)} AND epoch = ${quote(segment.epoch)} AND (${segment.ranges
      .map((range) => `sequence BETWEEN ${range.first} AND ${range.last}`)
      .join(' OR ')})`;
    const count = async (): Promise<number> => Number(await text(`SELECT count() FROM vslog.${table} WHERE ${among}`));
    // A segment across midnight is two parts, so a crash may leave a half: only what is absent goes in.
    if ((await count()) !== segment.count) {
      const described = await text(
        `SELECT name, type FROM system.columns WHERE database = 'vslog' AND table = '${table}' AND name NOT IN ('node', 'epoch') ORDER BY position FORMAT JSONCompactEachRow`,
      );
      const columns = described.split('\n').map((line) => JSON.parse(line) as [string, string]);
      const time = (type: string): boolean => type.startsWith('DateTime64');
      const structure = columns.map(([name, type]) => `\`${name}\` ${time(type) ? 'UInt64' : type}`).join(', ');
      const values = columns.map(([name, type]) => (time(type) ? `fromUnixTimestamp64Nano(toInt64(\`${name}\`), 'UTC')` : `\`${name}\``));
      const folder = here('../../proto/vslog/v1/');
      const file =
        readdirSync(folder)
          .map((name) => readFileSync(folder + name, 'utf8'))
          .find((one) => one.includes(`message ${message} {`)) ?? '';
      await run(
        `INSERT INTO vslog.${table} (node, epoch, ${columns.map(([name]) => `\`${name}\``).join(', ')}) SELECT ${quote(segment.node)}, ${quote(segment.epoch)}, ${values.join(', ')} FROM file(${quote(segment.path)}, 'Protobuf', ${quote(structure)}) WHERE sequence NOT IN (SELECT sequence FROM vslog.${table} WHERE ${among}) SETTINGS async_insert = 0, max_insert_threads = 1, format_schema_source = 'string', format_schema = ${quote(file.replace(/^package .*$/m, ''))}, format_schema_message_name = '${message}'`,
      );
      const now = await count();
      if (now !== segment.count)
        throw new Error(`segment ${segment.id} has ${segment.count} events but the store has ${now} of its sequences`);
    }
    const rows = segment.ranges.map(
      (range) =>
        `(${quote(segment.node)}, ${quote(segment.epoch)}, '${segment.record}', ${segment.id}, ${range.first}, ${range.last}, ${range.last - range.first + 1n}, '${segment.sha256}')`,
    );
    await run(`INSERT INTO vslog.batches SETTINGS async_insert = 0 VALUES ${rows.join(', ')}`);
  };

  return {
    name: 'clickhouse',
    start,
    deliver,
    async query(sql, { format }) {
      const statement = requireReadOnly(sql);
      await start();
      await run('USE vslog');
      return run(statement, format);
    },
    async close() {
      const ending = child;
      if (ending === undefined) return;
      const gone = new Promise((resolve) => ending.once('exit', resolve));
      ending.disconnect();
      await gone;
    },
  };
}
