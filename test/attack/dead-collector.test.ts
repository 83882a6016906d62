import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Up } from '../e2e/support/vslog.js';
import { until } from '../support/patience.js';
import { Stage } from './support/stage.js';

/** Many clients, until the capture says that its journal is full. */
async function fill(stage: Stage): Promise<number> {
  let served = 0;
  for (let full = false; !full; full = /^the journal is full/.test((await stage.account()).state)) {
    await stage.clients(200, 40);
    served += 200;
  }
  return served;
}

async function connected(stage: Stage): Promise<void> {
  await stage.accounts('the collector has subscribed', ({ durable }) => durable.some((one) => one.connected === true));
}

/** Everything that was made is in the log, or counted as lost. */
interface Sums {
  readonly events: number;
  readonly lost: number;
}

function sums(stage: Stage): Sums {
  const { out } = stage.vslog.run('verify', '--json');
  const document = JSON.parse(out) as { losses: { where: string; lost: number }[] };
  const lost = document.losses.filter(({ where }) => where === 'journal').reduce((sum, one) => sum + one.lost, 0);
  const { out: status } = stage.vslog.run('status', '--json');
  return { events: (JSON.parse(status) as { counters: { events: number } }).counters.events, lost };
}

describe('a collector that died', () => {
  const stage = new Stage();
  let collector: Up;

  beforeAll(async () => {
    await stage.balance();
    collector = stage.collect('--store', 'none');
    await connected(stage);
  });
  afterAll(() => stage.stop());

  it('stops no client of the balancer, and what had no room is counted exactly', async () => {
    await collector.end('SIGKILL');
    await fill(stage);
    // All of these are beyond the journal.
    await stage.clients(1000, 40);
    const { unlogged } = await stage.accounts('some had no room', (account) => account.unlogged > 1000);
    expect(unlogged).toBeGreaterThan(1000);
    collector = stage.collect('--store', 'none');
    await connected(stage);
    const { unlogged: all } = await stage.accounts('the journal has room', ({ state }) => state === 'running');
    const lost = await until('the loss record', () => {
      const found = sums(stage);
      return found.lost === all && found;
    });
    expect(lost.lost).toBe(all);
    // And not one more: the next clients are logged.
    await stage.clients(10);
    expect((await stage.account()).unlogged).toBe(all);
  });
});

describe('a subscriber that does not come back', () => {
  const stage = new Stage();

  beforeAll(async () => {
    await stage.balance('--subscriber-timeout', '500');
  });
  afterAll(() => stage.stop());

  it('gives way, which the log says, and finds what is still there', async () => {
    let collector = stage.collect('--store', 'none');
    await connected(stage);
    await stage.clients(20);
    await collector.end('SIGKILL');
    await stage.clients(20);
    await stage.accounts('it gave way', ({ durable }) => durable.length === 0);
    collector = stage.collect('--store', 'none');
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
