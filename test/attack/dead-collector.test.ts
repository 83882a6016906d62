import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CaptureClient } from '../../src/wire/client.js';
import type { Up } from '../e2e/support/vslog.js';
import { until, WAIT_MS } from '../support/patience.js';
import { Stage } from './support/stage.js';

async function connected(stage: Stage): Promise<void> {
  await stage.accounts('the collector has subscribed', ({ durable }) => durable.some((one) => one.connected === true));
}

/** What the log says that the journal lost. */
function lost(stage: Stage): number {
  const { losses } = JSON.parse(stage.vslog.run('verify', '--json').out) as { losses: { where: string; lost: number }[] };
  return losses.filter(({ where }) => where === 'journal').reduce((sum, one) => sum + one.lost, 0);
}

describe('a collector that died', () => {
  const stage = new Stage();
  let collector: Up;
  /** Beginnings that went into the journal, by somebody who watches live; and clients that were served. */
  let [logged, served] = [0, 0];
  const watcher = new CaptureClient({
    path: stage.socket,
    timeoutMs: WAIT_MS,
    handlers: {
      onBatch: ({ count }) => {
        logged += count;
      },
    },
  });
  const clients = async (count: number): Promise<void> => {
    await stage.clients(count, 40);
    served += count;
  };

  beforeAll(async () => {
    await stage.balance('--events', 'create');
    collector = stage.collect();
    await connected(stage);
    await watcher.connect();
    await watcher.subscribeLive({ groups: ['conn_create'] });
  });
  afterAll(async () => {
    watcher.close();
    await stage.stop();
  });

  it('stops no client of the balancer, and what had no room is counted exactly', async () => {
    await collector.end('SIGKILL');
    while (!/^the journal is full/.test((await stage.account()).state)) await clients(200);
    // All but some of these are beyond the journal.
    await clients(1000);
    await stage.accounts('some had no room', ({ unlogged }) => unlogged > 500);
    collector = stage.collect();
    await connected(stage);
    const { unlogged } = await stage.accounts('the journal has room', ({ state }) => state === 'running');
    // And not one more.
    await clients(10);
    await until('every client is logged or counted', () => logged + unlogged === served, {
      detail: () => `${logged} logged, ${unlogged} counted, ${served} served`,
    });
    await until('the loss record', () => lost(stage) === unlogged);
    expect((await stage.account()).unlogged).toBe(unlogged);
  });
});

describe('a subscriber that does not come back', () => {
  const stage = new Stage();

  beforeAll(async () => {
    await stage.balance('--subscriber-timeout', '500');
  });
  afterAll(() => stage.stop());

  it('gives way, which the log says, and finds what is still there', async () => {
    let collector = stage.collect();
    await connected(stage);
    await stage.clients(20);
    await collector.end('SIGKILL');
    await stage.clients(20);
    await stage.accounts('it gave way', ({ durable }) => durable.length === 0);
    collector = stage.collect();
    await connected(stage);
    await until(
      'the collector has all',
      async () => (JSON.parse(stage.vslog.run('status', '--json').out) as { lag_events: number }).lag_events === 0,
    );
    // The journal still had all of it: nothing is lost, though it had been given up.
    await collector.end();
    expect(stage.vslog.run('verify').out).toMatch(/\ncomplete\n$/);
  });
});
