import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sweepEnded } from '../../src/store/derived.js';
import { embeddedDatabase } from '../../src/store/embedded/database.js';
import { Engine } from '../../src/store/embedded/engine.js';
import { loadMigrations, migrate } from '../../src/store/migrate.js';
import { eighthOfMemory } from '../../src/store/store.js';
import { CHUNK_S, chunksOf, controlInsert, type HistoryOptions, insertOf, NODE } from './query-data.js';
import { type Question, questions } from './query-questions.js';
import { percentile, remove, rounded } from './setup.js';

export interface QueryOptions {
  readonly events: number;
  readonly days: number;
  /** How often each question is asked; the median counts. */
  readonly times: number;
  /** A store that an earlier run made with --store, or that this one is to leave; undefined: a temporary one. */
  readonly store: string | undefined;
}

/** As people's queries are limited: EmbeddedStoreOptions. */
const LIMITED = `SET max_execution_time = 60, max_result_bytes = 268435456, max_memory_usage = ${eighthOfMemory()}, readonly = 1`;

/** Loads a history into the embedded store's tables and asks what people ask: the key question, and every report. */
export async function query({ events, days, times, store }: QueryOptions, say: (line: string) => void): Promise<Record<string, unknown>> {
  const dir = store ?? mkdtempSync(join(tmpdir(), 'vslog-bench-query-'));
  // A signal ends the process by its exit handlers.
  if (store === undefined) process.once('exit', () => remove(dir));
  const loaded = existsSync(join(dir, 'data')) || existsSync(join(dir, 'store'));
  const hour = (at: number): number => Math.floor(at / 3600) * 3600;
  const options = { events, days, until: hour(Date.now() / 1000), database: 'vslog' };
  const loadSeconds = loaded ? 0 : await makeHistory(dir, options, say);
  // In an engine of its own, which has nothing of it in its caches yet; what the kernel keeps of the files stays.
  const figures = await withEngine(dir, (engine) => askAll(engine, hour, times, say));
  if (store === undefined) remove(dir);
  const { rows, ...others } = figures;
  return { rows, ...(loaded ? {} : { load_rows_per_s: Math.round(rows / loadSeconds) }), ...others };
}

/** Makes a history in the embedded store of this folder, which must be new. Seconds that it took. */
export function makeHistory(dir: string, options: HistoryOptions, say: (line: string) => void): Promise<number> {
  return withEngine(dir, (engine) => load(engine, options, say));
}

async function withEngine<T>(dir: string, use: (engine: Engine) => Promise<T>): Promise<T> {
  const engine = new Engine({ dir, prepare: (ready) => migrate(ready, loadMigrations()), sessions: { reader: ['USE vslog', LIMITED] } });
  try {
    await engine.start();
    return await use(engine);
  } finally {
    await engine.close();
  }
}

async function askAll(engine: Engine, hour: (at: number) => number, times: number, say: (line: string) => void) {
  const until = hour(Number(await engine.text('SELECT toUnixTimestamp(max(time_ns)) FROM vslog.conn_events')));
  const asked: Record<string, number> = {};
  let first = Number.NaN;
  for (const question of questions(until)) {
    const took = await ask(engine, question, times);
    if (question.name === 'who_key') first = took[0] ?? first;
    asked[question.name] = Math.round(percentile(took, 0.5));
    say(`${question.name}: ${asked[question.name]} ms`);
  }
  const rows = Number(await engine.text('SELECT count() FROM vslog.conn_events'));
  const bytes = await sizes(engine);
  const { who_key: who = Number.NaN, ...reports } = asked;
  return {
    rows,
    open: Number(await engine.text('SELECT count() FROM vslog.connections WHERE is_open')),
    bytes_per_event: rounded((bytes.get('conn_events') ?? 0) / rows),
    bytes_per_event_all: rounded([...bytes.values()].reduce((sum, one) => sum + one, 0) / rows),
    who_first_ms: Math.round(first),
    who_ms: who,
    report_ms: reports,
  };
}

async function load(engine: Engine, options: HistoryOptions, say: (line: string) => void): Promise<number> {
  const chunks = chunksOf(options);
  say(`making ${options.events} events of ${(chunks.length * CHUNK_S) / 86_400} days`);
  const began = performance.now();
  let sequence = 1;
  for (const [i, chunk] of chunks.entries()) {
    await engine.write(insertOf(chunk, chunks[i - 1], sequence, options));
    sequence = Number(await engine.text('SELECT max(sequence) FROM vslog.conn_events')) + 1;
    if (i % 12 === 11) say(`${sequence - 1} events, ${Math.round((performance.now() - began) / 1000)} s`);
  }
  await engine.write(controlInsert(options, sequence));
  const seconds = (performance.now() - began) / 1000;
  // A history of days has had the time for these merges; this one is some minutes old.
  say('letting the merges come to rest');
  await engine.write('OPTIMIZE TABLE vslog.connections_open FINAL');
  await sweepEnded(embeddedDatabase(engine), NODE);
  await engine.write('OPTIMIZE TABLE vslog.connections_open FINAL');
  await engine.write('OPTIMIZE TABLE vslog.rs_minute FINAL');
  return seconds;
}

/** Bytes on disk of every table of the store. */
async function sizes(engine: Engine): Promise<Map<string, number>> {
  const answer = await engine.text("SELECT table, sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'vslog' GROUP BY table");
  return new Map(
    answer.split('\n').map((line) => {
      const [table = '', bytes = '0'] = line.split('\t');
      return [table, Number(bytes)];
    }),
  );
}

/** How long a question took each time, ms. */
async function ask(engine: Engine, { sql }: Question, times: number): Promise<number[]> {
  const took: number[] = [];
  for (let i = 0; i < times; i++) {
    const began = performance.now();
    await engine.write(sql, 'JSONCompactEachRow', 'reader');
    took.push(performance.now() - began);
  }
  return took;
}
