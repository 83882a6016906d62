import { parseServerKey, parseServiceKey } from '../../../../src/cli/service-address.js';
import { ENDS } from '../../../../src/metrics/traffic/figures.js';
import { serverIdentity, serviceIdentity } from '../../../../src/metrics/traffic/identity.js';
import { Traffic, type TrafficOptions } from '../../../../src/metrics/traffic/traffic.js';
import { OUTCOMES } from '../../../../src/outcome/outcome.js';
import type { VirtualService } from '../../../../src/wire/administration.js';
import { FakeSqlStore } from '../../support/fake-sql-store.js';
import { balanced } from './balanced.js';

export const NOW = 1_796_000_000_000;
export const ENGINE = { node: 'lb1', kind: 'engine' };
const MINUTE = Math.floor(NOW / 60_000) * 60;
export const service = serviceIdentity(parseServiceKey('10.0.0.1:80'));
export const server = serverIdentity(service, parseServerKey('10.1.0.1:80'));
export const cell = (outcome: string, bucket: number): number =>
  ENDS + (OUTCOMES.find(({ name }) => name === outcome)?.number ?? 0) * 16 + bucket;

/** A row of the counts: connections made, and ends by outcome and bucket. */
export function minute(
  vs: string,
  rs: string,
  creates: number,
  ends: readonly (readonly [string, number, number])[] = [],
  drops = 0,
): unknown[] {
  const counted = ends.map(([outcome, bucket]) => cell(outcome, bucket));
  return [vs, rs, 1, 1, MINUTE, creates, drops, 0, creates / 2, counted, ends.map(([, , count]) => count)];
}

/** A balancer with one virtual service and one real server, and a store that answers what a story says. */
export class Story {
  readonly store = new FakeSqlStore();
  readonly notes: string[] = [];
  list: readonly VirtualService[] = balanced({ '10.0.0.1:80': { '10.1.0.1:80': 1 } });
  lists = 0;
  /** What the store counted, and what was changed. */
  minutes: unknown[][] = [];
  changes: unknown[][] = [];
  nowMs = NOW;
  readonly traffic: Traffic;

  constructor(options: Partial<TrafficOptions> = {}) {
    this.store.rows = (sql) => {
      if (sql.includes('control_events')) return this.changes;
      if (sql.includes('vs_text')) return [];
      return sql.includes('sumMap') ? this.minutes : [[MINUTE]];
    };
    const list = (): Promise<VirtualService[]> => {
      this.lists++;
      return Promise.resolve([...this.list]);
    };
    const note = (line: string): void => void this.notes.push(line);
    // A scrape of a story waits until all is asked.
    this.traffic = new Traffic({ limit: 200, list, store: this.store, note, waitMs: 60_000, now: () => this.nowMs, ...options });
  }

  async scrape(source = ENGINE): Promise<string[]> {
    this.nowMs += 15_000;
    return (await this.traffic.exposition(source)).split('\n');
  }
}

/** All series that there are, in the text format. */
export async function everySeries(): Promise<string> {
  const story = new Story();
  story.changes = [[service.slot, server.slot, 'e', '4', NOW - 60_000, 1, 0, 0]];
  const lines = await story.scrape();
  story.traffic.stop();
  return lines.join('\n');
}
