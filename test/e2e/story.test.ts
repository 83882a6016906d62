import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { askStory } from '../../src/console/story.js';
import { createEmbeddedStore, type Store } from '../../src/store/index.js';
import type { ClientAnswer, ConnectionStory } from '../../src/story/document.js';
import { TEN, tellStory } from './report-story.js';

const A = '10.0.0.11:8080';
const B = '10.0.0.12:8080';
const WEB = 'tcp 10.0.0.2:80';
const LONG = 18_250 * 86_400_000;
const HOUR = 'since=2026-01-30T09:00&until=2026-01-30T11:00';

let dir = '';
let store: Store;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'vslog-story-'));
  store = createEmbeddedStore({ dir: join(dir, 'ch'), retention: { events: LONG, connections: LONG, minutes: LONG, control: LONG } });
  await tellStory(store, dir);
});

afterAll(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

const { signal } = new AbortController();
const ask = (query: string) => askStory(store, async (rows) => rows, new URLSearchParams(query), signal);
const client = async (query: string) => (await ask(`client=${query}`)) as ClientAnswer;
const connection = async (query: string) => (await ask(`conn=${query}`)) as ConnectionStory;
/** Minutes after ten. */
const minutes = (ms: number | null | undefined): number | null => (ms === null || ms === undefined ? null : (ms - TEN) / 60_000);

test('a client that went on to another server is told of with both, and one is open still', async () => {
  const { total, outcomes, stays, connections, drops, changes } = await client(`10.0.0.101&${HOUR}`);
  expect(total).toMatchObject({ connections: 2, open: 1, cut: 0, bytes: 1000, clients: 1, services: 1, reals: 2, nodes: 1, last: null });
  expect(minutes(total.first)).toBe(0);
  expect(outcomes).toEqual([
    { outcome: 'closed', connections: 1 },
    { outcome: 'open', connections: 1 },
  ]);
  expect(stays.map(({ service, real, node, open, last }) => [service, real, node, open, minutes(last)])).toEqual([
    [WEB, A, 'lb1', 0, 5],
    [WEB, B, 'lb1', 1, null],
  ]);
  expect(connections.map(({ id, real, end }) => [id, real, minutes(end)])).toEqual([
    ['3', B, null],
    ['1', A, 5],
  ]);
  expect(drops.map(({ real, packets, removed }) => [real, packets, minutes(removed)?.toFixed(2)])).toEqual([[B, 1, '43.08']]);
  // Both were added, A was quiesced and given its weight back, B was removed.
  expect(changes.map(({ at, what, change }) => [minutes(at)?.toFixed(2), what.split(' ')[2], change.split(':')[0]])).toEqual([
    ['43.08', B, 'removed'],
    ['30.00', A, 'weight=0 → weight=1'],
    ['3.00', A, 'weight=1 → weight=0'],
    ['-60.00', B, 'added'],
    ['-60.00', A, 'added'],
  ]);
});

test('a client whose connection was cut, by address with port as well as without', async () => {
  for (const said of ['10.0.0.103', '10.0.0.103:2000']) {
    const { total, outcomes } = await client(`${said}&${HOUR}`);
    expect(total).toMatchObject({ connections: 3, open: 0, cut: 1, reals: 2 });
    expect(minutes(total.last)?.toFixed(2)).toBe('43.17');
    expect(Object.fromEntries(outcomes.map(({ outcome, connections }) => [outcome, connections]))).toEqual({
      closed: 1,
      never_established: 1,
      server_removed: 1,
    });
  }
});

test('a client that no server was found for, a network, and nobody', async () => {
  const { total, refusals, changes } = await client(`10.0.0.104&${HOUR}`);
  expect(total).toMatchObject({ connections: 0, first: null, last: null });
  expect(refusals.map(({ service, node, connections, first }) => [service, node, connections, minutes(first)])).toEqual([
    [WEB, 'lb1', 1, 59],
  ]);
  expect(changes).toEqual([]);
  expect((await client(`10.0.0.0/24&${HOUR}`)).total).toMatchObject({ clients: 3, connections: 7 });
  expect((await client(`10.9.9.9&${HOUR}`)).connections).toEqual([]);
});

test('a connection that persistence brought to a quiesced server, with its template and what its client did', async () => {
  const { connection: it, sentence, steps, template, siblings, changes, around } = await connection('5&node=lb1');
  expect(it).toMatchObject({ client: '10.0.0.102:1004', real: A, service: WEB, scheduledBy: 'persistence', weight: 0, cut: false });
  expect(sentence).toBe('Replaced in state TIME_WAIT, after 2 min: its client used the same port again.');
  expect(steps.map(({ at, text }) => [minutes(at), text])).toEqual([
    [4, `Created: sent to ${A}, which had weight 0, by persistence.`],
    [6, sentence],
  ]);
  expect([template?.id, siblings]).toEqual(['4', 0]);
  // Nothing from 10:04 to 10:06.
  expect(changes).toEqual([]);
  expect(around.map(({ id }) => id)).toEqual(['2']);
  expect((await connection('4')).connection).toMatchObject({ isTemplate: true });
  expect((await connection('4')).siblings).toBe(1);
});

test('a connection that lost its server is told of with the removal and the drops', async () => {
  const { sentence, steps, changes } = await connection('8');
  expect(sentence).toBe('The server was removed while it was established, after 10 s.');
  expect(steps.map(({ text }) => text)).toEqual([
    expect.stringMatching(/^Created/),
    '2 packets dropped: the real server was gone.',
    '3 packets dropped: the real server was gone.',
    sentence,
  ]);
  expect(changes.map(({ what, change, whole }) => [what, change.split(':')[0], whole.includes('ipvsadm -e')])).toEqual([
    [`real server ${B} of ${WEB}`, 'removed', true],
  ]);
});

test('a connection that is none is said to be none', async () => {
  await expect(connection('777')).rejects.toThrow('The log has no connection 777');
  await expect(connection('8&node=lb2')).rejects.toThrow('The log has no connection 8 of lb2');
});
