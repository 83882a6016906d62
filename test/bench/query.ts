import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sweepEnded } from '../../src/store/derived.js';
import { embeddedDatabase } from '../../src/store/embedded/database.js';
import { Engine } from '../../src/store/embedded/engine.js';
import { loadMigrations, migrate } from '../../src/store/migrate.js';
import { CHUNK_S, chunksOf, controlInsert, type HistoryOptions, insertOf, NODE } from './query-data.js';
import { type Question, questions } from './query-questions.js';
import { rounded } from './setup.js';

export interface QueryOptions {
  readonly events: number;
  /** A store that an earlier run made with --store, or that this one is to leave; undefined: a temporary one. */
  readonly store: string | undefined;
}

/** How often each question is asked; the median counts. */
const TIMES = 5;

/** Loads a week's history into the embedded store's tables and asks what people ask: the key question, and every report. */
export async function query({ events, store }: QueryOptions, say: (line: string) => void): Promise<Record<string, unknown>> {
  const dir = store ?? mkdtempSync(join(tmpdir(), 'vslog-query-'));
  const loaded = existsSync(join(dir, 'data')) || existsSync(join(dir, 'store'));
  const engine = new Engine({ dir, prepare: (ready) => migrate(ready, loadMigrations()), reader: ['USE vslog', 'SET readonly = 1'] });
  try {
    await engine.start();
    const hour = (at: number): number => Math.floor(at / 3600) * 3600;
    const loadSeconds = loaded ? 0 : await load(engine, { events, until: hour(Date.now() / 1000), database: 'vslog' }, say);
    const rows = Number(await engine.text('SELECT count() FROM vslog.conn_events'));
    const until = hour(Number(await engine.text('SELECT toUnixTimestamp(max(time_ns)) FROM vslog.conn_events')));
    const bytes = await sizes(engine);
    const asked: Record<string, number> = {};
    for (const question of questions(until)) {
      asked[question.name] = await ask(engine, question);
      say(`${question.name}: ${asked[question.name]} ms`);
    }
    const { who_key: who = 0, ...reports } = asked;
    return {
      rows,
      ...(loaded ? {} : { load_rows_per_s: Math.round(rows / loadSeconds) }),
      bytes_per_event: rounded((bytes.get('conn_events') ?? 0) / rows),
      bytes_per_event_all: rounded([...bytes.values()].reduce((sum, one) => sum + one, 0) / rows),
      who_ms: who,
      report_ms: reports,
    };
  } finally {
    await engine.close();
    if (store === undefined) rmSync(dir, { recursive: true, force: true });
  }
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
  // A week has had the time for these merges; this history is some minutes old.
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

/** The median time of a question, ms. */
async function ask(engine: Engine, { sql }: Question): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < TIMES; i++) {
    const began = performance.now();
    await engine.read(sql, 'JSONCompactEachRow');
    times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  return Math.round(times[Math.floor(TIMES / 2)] ?? 0);
}
