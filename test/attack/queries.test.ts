import { mkdtempSync, readdirSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { EmbeddedBackend } from '../../src/clickhouse-http/embedded-backend.js';
import { ClickHouseHttpServer } from '../../src/clickhouse-http/server.js';
import { createEmbeddedStore, type EmbeddedStore } from '../../src/store/index.js';
import { ask, bring, segmentOf, shortConnections } from '../e2e/store-segments.js';
import { sqlAccess } from '../support/guards.js';
import { until } from '../support/patience.js';

const MIB = 1024 * 1024;
/** Largest answer here, bytes. */
const QUOTA = 8 * MIB;
const PAIRS = 1000;
const dir = mkdtempSync(join(tmpdir(), 'vslog-attack-'));
const answers = join(dir, 'ch', 'answers');
let store: EmbeddedStore;
let server: ClickHouseHttpServer;
let port = 0;
let url = '';
const sockets: Socket[] = [];

beforeAll(async () => {
  store = createEmbeddedStore({ dir: join(dir, 'ch'), maxResultBytes: QUOTA });
  await store.deliver(segmentOf(dir, shortConnections(PAIRS), [{ first: 1n, last: BigInt(2 * PAIRS) }]));
  server = new ClickHouseHttpServer({ backend: new EmbeddedBackend(store), access: sqlAccess(), bodyMs: 5000, maxSockets: 32 });
  port = await server.listen(0, '127.0.0.1');
  url = `http://127.0.0.1:${port}`;
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(async () => {
  await server.close();
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

const get = (query: string, more: Record<string, string> = {}, signal?: AbortSignal): Promise<Response> =>
  fetch(`${url}/?${new URLSearchParams({ query, ...more })}`, signal === undefined ? {} : { signal });

/** A client that writes some bytes and then does nothing. */
async function halfSent(text: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  sockets.push(socket);
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  socket.write(text);
  return socket;
}

/** Bytes of all files of answers, as the folder has them. */
function stored(): number {
  return readdirSync(answers).reduce((sum, name) => {
    try {
      const found = statSync(join(answers, name));
      return found.isFile() ? sum + found.size : sum;
    } catch {
      return sum; // It was removed meanwhile.
    }
  }, 0);
}

const left = (): string[] => readdirSync(answers).filter((name) => !name.startsWith('pipe-'));

/** Looks at the files until `work` is done; the most bytes that there were at one time. */
async function most(work: Promise<unknown>): Promise<number> {
  let [largest, done] = [0, false];
  const finish = work.finally(() => {
    done = true;
  });
  await until(
    'the end of the work',
    () => {
      largest = Math.max(largest, stored());
      return done;
    },
    { everyMs: 5 },
  );
  await finish;
  return largest;
}

/** Rows of a name so long that the answer is a thousand times what the engine counts. */
const longNames = (rows: string): string => `SELECT 1 AS ${'a'.repeat(1000)} FROM ${rows}`;

test.each([
  ['columns of long names, more than the engine counts', longNames('numbers(1000000)'), { default_format: 'JSONEachRow' }],
  ['the same without an end', longNames('system.numbers'), { default_format: 'JSONEachRow' }],
  [
    'rows without an end, where the engine is told to stop counting',
    'SELECT repeat(toString(number), 100) FROM system.numbers',
    { result_overflow_mode: 'break' },
  ],
  ['one row', 'SELECT arrayMap(n -> repeat(toString(n), 1000000), range(24))', {}],
])('an answer that is too large takes no more than the quota: %s', async (_what, query, more) => {
  let text = '';
  let status = 0;
  const largest = await most(
    get(query, more).then(async (answer) => {
      [status, text] = [answer.status, await answer.text()];
    }),
  );
  expect(largest).toBeLessThanOrEqual(QUOTA);
  if (status === 200) expect(text.length).toBeLessThanOrEqual(QUOTA);
  else expect(text).toMatch(/^Code: 396\. DB::Exception: .*(larger than 8 MiB, the most that is answered|Limit for result exceeded)/);
  await until('no file of an answer', () => left().length === 0);
});

test('an answer to the API that is too large is refused in a sentence, and its query is ended', async () => {
  await expect(store.query(longNames('system.numbers'), { format: 'JSONEachRow' })).rejects.toThrow(
    'The answer is larger than 8 MiB, the most that is answered: narrow the query, choose fewer columns, or write LIMIT.',
  );
  expect(
    await ask(store, "SELECT count() FROM system.processes WHERE query LIKE '%system.numbers%' AND query NOT LIKE '%processes%'"),
  ).toBe('0');
});

test('answers that nobody reads leave the others less room, and are given up', async () => {
  const rows = Math.floor(QUOTA / 110);
  const query = encodeURIComponent(`SELECT repeat('x', 100) FROM numbers(${rows})`);
  const readers: Socket[] = [];
  for (let n = 0; n < 8; n++) {
    const socket = await halfSent(`GET /?query=${query} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    socket.pause();
    readers.push(socket);
    await until('its answer', () => stored() > (n + 1) * rows * 100);
  }
  // What is left suffices for small ones.
  expect(await (await get('SELECT 1')).text()).toBe('1\n');
  const refused = await get(`SELECT repeat('x', 100) FROM numbers(${rows})`);
  expect(await refused.text()).toMatch(/Code: 396\. .*which is what other answers leave at this moment/);
  expect(stored()).toBeLessThanOrEqual(8 * QUOTA);
  for (const socket of readers) socket.destroy();
  await until('no file of an answer', () => left().length === 0);
  expect((await get(`SELECT repeat('x', 100) FROM numbers(${rows})`)).status).toBe(200);
});

test('half-sent bodies keep nobody out, and get a sentence at their deadline', async () => {
  const heads = await Promise.all(
    Array.from({ length: 16 }, () => halfSent('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nSELECT')),
  );
  let said = '';
  heads[0]?.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  for (const socket of heads) socket.resume();
  for (let n = 0; n < 20; n++) expect(await (await get('SELECT 1')).text()).toBe('1\n');
  await until('the sentence', () => said !== '');
  expect(said).toMatch(/^HTTP\/1\.1 503 .*Code: 209\. DB::Exception: The request's body did not come in time/s);
  await until('the end of all of them', () => heads.every((socket) => socket.destroyed));
});

test('open sockets keep nobody out', async () => {
  for (let n = 0; n < 100; n++) await halfSent(n % 2 === 0 ? '' : 'GET / HT');
  expect(await (await get('SELECT 1')).text()).toBe('1\n');
  await until('so many that are left', () => sockets.filter((socket) => !socket.destroyed && !socket.closed).length <= 32);
});

/** One row that takes the engine many seconds, in which it looks at no limit: more of it where the machine is fast. */
const STUBBORN = `SELECT ${Array.from({ length: 12 }, (_, n) => `levenshteinDistance(repeat('${n}', 60000), repeat('b', 60000))`).join(' + ')}`;
const stubborn = (n: number): string => STUBBORN.replaceAll("'b'", `'${String.fromCharCode(99 + n)}'`);

test('a query that cannot be stopped ends with its engine, and takes neither a delivery nor another query with it', async () => {
  const before = store.status().starts;
  const asked = get(stubborn(0), { max_execution_time: '2' }).then(async (answer) => [answer.status, await answer.text()] as const);
  // Runs when the engine is ended, and is done all the same.
  const innocent = get('SELECT count() FROM numbers(40) WHERE sleepEachRow(0.2) = 0', { max_block_size: '1', max_threads: '1' });
  let id = 2;
  let [delivered, done] = [1, false];
  const deliveries = (async () => {
    while (!done) {
      const first = BigInt(2 * PAIRS * delivered + 1);
      await bring(
        store,
        segmentOf(dir, shortConnections(PAIRS, PAIRS * delivered), [{ first, last: first + BigInt(2 * PAIRS) - 1n }], { id: id++ }),
      );
      delivered++;
    }
  })();
  const [status, text] = await asked;
  done = true;
  await deliveries;
  expect(text).toMatch(
    /^Code: 159\. DB::Exception: The query was ended: it took longer than its limit of 2 s, and could only be stopped by ending the engine\./,
  );
  expect(status).toBe(408);
  expect(store.status().starts).toBeGreaterThan(before);
  expect(store.status().lastError).toMatch(/^A query took longer than its limit of 2 s and did not end within 5 s after it\./);
  expect(await (await innocent).text()).toBe('40\n');
  expect(await ask(store, 'SELECT count(), uniqExact(sequence), (SELECT sum(creates) FROM rs_minute) FROM conn_events')).toBe(
    `${2 * PAIRS * delivered}\t${2 * PAIRS * delivered}\t${PAIRS * delivered}`,
  );
  // The same again, with other numbers in it, does not get so far.
  const again = await get(stubborn(0).replace('60000', '59999'), { max_execution_time: '2' });
  expect(await again.text()).toMatch(/Code: 159\. .*A query like this one had to be ended with the engine/);
});

test('queries whose clients have left give their places to others', async () => {
  const gone = new AbortController();
  const asked = [1, 2, 3, 4].map((n) => get(stubborn(n), {}, gone.signal).catch(() => undefined));
  await until('four of them', () => taken() === 4);
  gone.abort();
  await Promise.all(asked);
  // Their limit is a minute.
  expect(await (await get('SELECT 1')).text()).toBe('1\n');
  expect(store.status().lastError).toMatch(/^A query whose client had left did not end within 5 s, and others waited for its place\./);
});

/** Places of queries that run: the pipes that the engine's process has open. It cannot be asked while all are taken. */
function taken(): number {
  const { pid } = store.status();
  if (pid === null) return 0;
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return ''; // It was closed meanwhile.
    }
  });
  return new Set(links.filter((link) => link.startsWith(join(answers, 'pipe-')))).size;
}
