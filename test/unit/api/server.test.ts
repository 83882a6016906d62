import { setMaxListeners } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it } from 'vitest';
import { ApiClient } from '../../../src/api/client.js';
import { type ApiOptions, ApiServer } from '../../../src/api/server.js';
import { makeRequest, removeRequest } from '../../../src/spool/requests.js';
import { crc32c } from '../../../src/wire/crc32c.js';
import { until } from '../../support/patience.js';

const dir = mkdtempSync(join(tmpdir(), 'vslog-api-'));
afterAll(() => rmSync(dir, { recursive: true }));

let server: ApiServer | undefined;
let unsubscribed: Promise<void> = Promise.resolve();
afterEach(() => server?.stop());

const body = Buffer.from([2, 8, 1]);
const batch = {
  record: 'conn',
  node: 'n',
  epoch: 'e',
  first: 3n,
  last: 3n,
  count: 1,
  crc32c: crc32c(body),
  filtered: false,
  body,
} as const;

/** A collector whose tail gives one batch and one notice, and then waits for the client to go. */
const collector: ApiOptions['collector'] = {
  status: () => Promise.reject(new Error('The collector is not running.')),
  mark: () => ({ sealed: 0, next: 1, durable: undefined }),
  comparable: () => [],
  replay: async (sink, request, onProgress) => {
    if (sink !== 'kafka') throw new RangeError(`There is no sink "${sink}": there are kafka.`);
    onProgress({ segments: 0, ofSegments: 1, events: 0, ofEvents: 10 });
    return {
      sink: `${sink} ${JSON.stringify(request)}`,
      segments: 1,
      events: 10,
      absent: 3,
      derived: null,
      changed: null,
      replaced: null,
      failed: [],
    };
  },
  erase: async (order, onProgress) => {
    if (order !== 'a1') throw new RangeError(`There is no order ${JSON.stringify(order)} to erase anybody.`);
    onProgress({ step: 'spool, segment 1 of 1', problem: null });
    return { id: order, dry_run: false, connections: 1, events: 2, places: { spool: 2 }, beyond: [], in_force: null };
  },
  changeSink: async (sink, request) => {
    if (sink !== 'kafka') throw new RangeError(`There is no sink "${sink}": there are kafka.`);
    return request === 'forget' ? { segments: 1, events: 10 } : { segments: 2, events: 20 };
  },
  tail: async (_groups, onBatch, signal, { onStart, onMissed }) => {
    unsubscribed = new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
    onStart?.({ node: 'a node', epoch: 'e', first: 3n });
    onMissed?.({ missed: 2n, first: 1n, last: 2n });
    await onBatch(batch);
    await unsubscribed;
  },
};

async function start(more: Partial<ApiOptions> = {}): Promise<ApiClient> {
  const socket = join(dir, 'api.sock');
  const about = { version: '1', store: { kind: 'none', dir: null } };
  server = new ApiServer({ socket, collector, spoolDirectory: dir, store: undefined, about, ...more });
  await server.start();
  return new ApiClient(socket);
}

it('listens with mode 0600 and removes the socket at its end', async () => {
  await start();
  expect(statSync(join(dir, 'api.sock')).mode & 0o777).toBe(0o600);
  await server?.stop();
  expect(() => statSync(join(dir, 'api.sock'))).toThrow();
});

it('refuses a socket in use and a file that is no socket, and keeps both', async () => {
  await start();
  const first = server;
  await expect(start()).rejects.toThrow(/in use by another collector/);
  await first?.stop();
  writeFileSync(join(dir, 'api.sock'), 'x');
  await expect(start()).rejects.toThrow(/is no socket/);
  rmSync(join(dir, 'api.sock'));
});

it('gives the answer of the store as it is, and its error as a sentence', async () => {
  const store = {
    query: (sql: string) => (sql === 'x' ? Promise.reject(new Error('Syntax error.')) : Promise.resolve(Buffer.from([0, 255, 10]))),
  };
  const client = await start({ store });
  expect(await client.sql('SELECT 1', 'RowBinary')).toEqual(Buffer.from([0, 255, 10]));
  await expect(client.sql('x', 'JSON')).rejects.toMatchObject({ code: 'query_failed', message: 'Syntax error.' });
  await expect(client.sql(' ', 'JSON')).rejects.toMatchObject({ code: 'bad_request' });
  await expect(client.status()).rejects.toMatchObject({ code: 'failed', message: 'The collector is not running.' });
});

it('streams a tail, notices included, and unsubscribes when the client goes', async () => {
  const client = await start();
  const end = new AbortController();
  const seen: unknown[] = [];
  await client.tail(
    { groups: ['conn_expire'], filter: Uint8Array.of(1, 2, 250) },
    {
      onMissed: (missed) => seen.push(missed),
      onBatch: (one) => {
        seen.push(one);
        end.abort();
      },
    },
    end.signal,
  );
  expect(seen).toEqual([{ missed: 2n, first: 1n, last: 2n }, batch]);
  await unsubscribed;
});

it('brings segments once more, tells of the progress, and refuses a sink that is not there', async () => {
  const client = await start();
  const seen: number[] = [];
  const result = await client.replay('kafka', { fromSeconds: 1.5 }, ({ ofEvents }) => seen.push(ofEvents), new AbortController().signal);
  expect(result).toMatchObject({ sink: 'kafka {"fromSeconds":1.5,"refused":false,"replace":false}', events: 10, absent: 3 });
  expect(seen).toEqual([10]);
  await expect(client.replay('disk', {}, () => undefined, new AbortController().signal)).rejects.toThrow(
    'There is no sink "disk": there are kafka.',
  );
});

it('sends an answer from its file, and discards it then, also when its client has left', async () => {
  const path = join(dir, 'answer');
  let discarded = 0;
  writeFileSync(path, 'x'.repeat(3_000_000));
  const discard = (): void => {
    discarded++;
  };
  const client = await start({
    store: { query: () => Promise.reject(new Error('not this way')), stored: async () => ({ body: { path }, discard }) },
  });
  expect((await client.sql('SELECT 1', 'TSV')).length).toBe(3_000_000);
  await until('its end', () => discarded === 1);
  const gone = new AbortController();
  await new Promise<void>((resolve) => {
    const asked = request({ socketPath: join(dir, 'api.sock'), method: 'POST', path: '/v1/sql', signal: gone.signal }, (response) => {
      response.once('readable', () => resolve());
      response.on('error', () => undefined);
    });
    asked.on('error', () => undefined);
    asked.end('SELECT 1');
  });
  gone.abort();
  await until('the end of the other one', () => discarded === 2);
});

it('lets so many follow the events, and tells the next one', async () => {
  const client = await start();
  const gone = new AbortController();
  setMaxListeners(0, gone.signal);
  let told = 0;
  const tails = Array.from({ length: 32 }, () => client.tail({}, { onBatch: () => void told++, onMissed: () => undefined }, gone.signal));
  await until('all of them', () => told === 32);
  await expect(client.tail({}, { onBatch: () => undefined, onMissed: () => undefined }, gone.signal)).rejects.toThrow(
    '32 clients follow the events already: end one of them first.',
  );
  gone.abort();
  await Promise.all(tails);
});

it('gives links to the console, where there is one', async () => {
  const link = { url: 'http://127.0.0.1:9488/enter/code', seconds: 60 };
  const given = await start({ consoleLink: (seconds) => ({ ...link, seconds }) });
  expect(await given.consoleLink()).toEqual(link);
  expect(await given.consoleLink(600)).toEqual({ ...link, seconds: 600 });
  for (const seconds of [0, 601, -1, 1.5])
    await expect(given.consoleLink(seconds)).rejects.toMatchObject({
      status: 400,
      message: `seconds is "${seconds}": it must be a whole number from 1 to 600.`,
    });
  await server?.stop();
  for (const consoleLink of [undefined, () => undefined])
    await expect((await start({ consoleLink })).consoleLink().finally(() => server?.stop())).rejects.toMatchObject({
      status: 503,
      code: 'no_console',
      message: expect.stringMatching(/^The collector serves no console: console\.listen is empty/),
    });
});

it('changes a sink only where the spool has the request of somebody who may write there', async () => {
  const client = await start();
  mkdirSync(join(dir, 'cursors'));
  await expect(client.changeSink('kafka', 'forget')).rejects.toThrow('Nobody who may has asked for that: use "vslog sink forget".');
  await expect(client.changeSink('../kafka', 'forget')).rejects.toThrow('Nobody who may');
  await makeRequest(dir, 'kafka', 'forget');
  expect(await client.changeSink('kafka', 'forget')).toEqual({ segments: 1, events: 10 });
  await expect(client.changeSink('kafka', 'accept')).rejects.toThrow('Nobody who may');
  await removeRequest(dir, 'kafka', 'forget');
  await expect(client.changeSink('kafka', 'forget')).rejects.toThrow('Nobody who may');
  symlinkSync('/etc/passwd', join(dir, 'cursors/kafka.accept'));
  await expect(client.changeSink('kafka', 'accept')).rejects.toThrow('Nobody who may');
  await makeRequest(dir, 'file', 'accept');
  await expect(client.changeSink('file', 'accept')).rejects.toThrow('There is no sink "file": there are kafka.');
});
