import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CaptureClient } from '../../src/wire/client.js';
import { EVERY_CONNECTION } from '../../src/wire/conn-filter.js';
import { until, WAIT_MS } from '../support/patience.js';
import { READERS, Stage } from './support/stage.js';

/** Longest that anything may keep the capture from its source, ms of its processor time; and its memory, MiB. */
const AWAY_MS = 50;
const MEMORY_MIB = 128;
/** Users that may read knobs and services only, a few sessions each. */
const STRANGERS = [41_001, 41_002, 41_003, 41_004];
const SESSIONS = 16;
const READER = 42_001;

async function expectWithinBounds(stage: Stage): Promise<void> {
  const { longestAwayMs, rssMiB } = await stage.account();
  process.stdout.write(`${JSON.stringify({ longest_away_ms: longestAwayMs, rss_mib: Math.round(rssMiB) })}\n`);
  expect(longestAwayMs).toBeLessThan(AWAY_MS);
  expect(rssMiB).toBeLessThan(MEMORY_MIB);
}

describe('a capture that real clients go through', () => {
  const stage = new Stage();
  let collector: ReturnType<Stage['collect']>;

  beforeAll(async () => {
    await stage.balance();
    collector = stage.collect();
    await stage.accounts('the collector has subscribed', ({ durable }) =>
      durable.some(({ name, connected }) => name === 'collector' && connected === true),
    );
  });
  afterAll(() => stage.stop());

  it('serves them while strangers ask for all knobs, over and over, and go', async () => {
    const attacks = await Promise.all(
      STRANGERS.map((uid) =>
        stage.attack({ uid, groups: [], sessions: SESSIONS, requests: ['knobList', 'serviceList'], bytes: 512 << 10, rounds: 5 }),
      ),
    );
    await stage.clients(200);
    for (const attack of attacks) await attack.finish();
    await stage.clients(200);
    await expectWithinBounds(stage);
  });

  it('serves them while strangers ask and never read an answer', async () => {
    const attacks = await Promise.all(
      STRANGERS.map((uid) =>
        stage.attack({
          uid,
          groups: [],
          sessions: SESSIONS,
          requests: ['knobList', 'sourceStatus', 'serviceList', 'connList'],
          bytes: 256 << 10,
          rounds: 0,
        }),
      ),
    );
    await stage.clients(400);
    await expectWithinBounds(stage);
    for (const attack of attacks) expect((await attack.finish()).connected).toBe(SESSIONS);
  });

  it('keeps little of frames that never end', async () => {
    const attacks = await Promise.all(
      STRANGERS.map((uid) => stage.attack({ uid, groups: [], sessions: SESSIONS, requests: [], bytes: 1 << 20, also: 'half', rounds: 0 })),
    );
    await stage.clients(100);
    await expectWithinBounds(stage);
    for (const attack of attacks) await attack.finish();
  });

  it('has a place for root when strangers took all that they may', async () => {
    const attacks = await Promise.all(
      STRANGERS.map((uid) => stage.attack({ uid, groups: [], sessions: 100, requests: ['knobList'], bytes: 1024, rounds: 0 })),
    );
    expect(await stage.account()).toMatchObject({ state: 'running' });
    for (const attack of attacks) expect((await attack.finish()).connected).toBeGreaterThan(0);
  });

  it('keeps nothing for a reader, and nobody gets at what it keeps for the collector', async () => {
    // Become a reader for the time of the connection: the capture knows a session by who opened it.
    const as = async <T>(uid: number, group: number, action: (client: CaptureClient) => Promise<T>): Promise<T> => {
      const client = new CaptureClient({ path: stage.socket, timeoutMs: WAIT_MS });
      const [groups, gid] = [process.getgroups?.() ?? [], process.getegid?.() ?? 0];
      process.setgroups?.([]);
      process.setegid?.(group);
      process.seteuid?.(uid);
      const connecting = client.connect();
      process.seteuid?.(0);
      process.setegid?.(gid);
      process.setgroups?.(groups);
      try {
        await connecting;
        return await action(client);
      } finally {
        client.close();
      }
    };
    const before = (await stage.account()).durable;
    const refusal = { code: 1, message: expect.stringMatching(/^permission denied: /) as string };
    for (let i = 0; i < 32; i++)
      await expect(as(READER, READERS, (client) => client.subscribeDurable(`mine-${i}`, undefined))).rejects.toMatchObject(refusal);
    await expect(as(READER, READERS, (client) => client.subscribeDurable('collector', undefined))).rejects.toMatchObject(refusal);
    await expect(as(READER, READERS, (client) => client.forget('collector'))).rejects.toMatchObject(refusal);
    // What he may do.
    await as(READER, READERS, async (client) => {
      expect((await client.subscribeLive()).epoch).not.toBe('');
      await client.listConnections(EVERY_CONNECTION, () => undefined);
    });
    expect((await stage.account()).durable.map(({ name, owner }) => [name, owner])).toEqual(before.map(({ name, owner }) => [name, owner]));
  });

  it('lost nothing by all that', async () => {
    await stage.clients(20);
    await until('the collector has all', async () => {
      const { out } = stage.vslog.run('status', '--json');
      return (JSON.parse(out) as { lag_events: number }).lag_events === 0;
    });
    await collector.end();
    const { out } = stage.vslog.run('verify');
    expect(out).toMatch(/\ncomplete\n$/);
  });
});

describe('a capture with thousands of connections', () => {
  const stage = new Stage();
  const CONNECTIONS = 5000;

  beforeAll(async () => {
    await stage.start('--load', '--load-rate', '2000', '--load-concurrent', String(CONNECTIONS), '--max-memory', '16M');
    await until('so many connections', () =>
      stage.asRoot(async (client) => {
        let count = 0;
        await client.listConnections(EVERY_CONNECTION, () => count++);
        return count >= CONNECTIONS / 2;
      }),
    );
  });
  afterAll(() => stage.stop());

  it('stays small while readers list them and watch, and never read', async () => {
    const readers = [0, 1, 2].map((n) => READER + n);
    const attacks = await Promise.all(
      readers.flatMap((uid) => [
        stage.attack({ uid, groups: [READERS], sessions: 20, requests: ['connList'], bytes: 32 << 10, rounds: 0 }),
        stage.attack({ uid, groups: [READERS], sessions: 12, requests: ['connList'], bytes: 32 << 10, also: 'subscribe', rounds: 0 }),
      ]),
    );
    const { events } = await stage.account();
    // The source goes on as before.
    await stage.accounts('ten thousand more events', (account) => account.events > events + 10_000);
    await expectWithinBounds(stage);
    let seen = 0;
    await stage.asRoot((client) => client.listConnections(EVERY_CONNECTION, () => seen++));
    expect(seen).toBeGreaterThan(CONNECTIONS / 2);
    for (const attack of attacks) await attack.finish();
  });
});
