import { afterEach, describe, expect, it } from 'vitest';
import { othersText } from '../../../../src/metrics/others.js';
import { BOUNDS, cumulativeLifetimes, endsByOutcome } from '../../../../src/metrics/traffic/figures.js';
import { KEPT_MS } from '../../../../src/metrics/traffic/roster.js';
import { OUTCOMES } from '../../../../src/outcome/outcome.js';
import { balanced } from './balanced.js';
import { cell, ENGINE, minute, NOW, Story, server, service } from './story.js';

let story: Story | undefined;
afterEach(() => story?.traffic.stop());

const RS = 'vs="tcp 10.0.0.1:80",rs="10.1.0.1:80"';

describe('series of virtual services and real servers', () => {
  it('tell how they stand and what happened since the first scrape', async () => {
    story = new Story();
    story.minutes = [minute(service.slot, server.slot, 100, [['closed', 3, 90]])];
    story.changes = [[service.slot, server.slot, 'e', '4', NOW - 60_000, 1, 0, 0]];
    expect(await story.scrape()).toContain(`vslog_rs_connections_created_total{${RS}} 0`);
    story.minutes = [
      minute(
        service.slot,
        server.slot,
        130,
        [
          ['closed', 3, 110],
          ['reset', 12, 2],
        ],
        7,
      ),
    ];
    story.changes = [[service.slot, server.slot, 'e', '9', NOW, 2, 1, 1]];
    const lines = await story.scrape();
    for (const line of [
      `vslog_rs_active_connections{${RS}} 10`,
      `vslog_rs_inactive_connections{${RS}} 5`,
      `vslog_rs_weight{${RS}} 1`,
      `vslog_rs_quiesced{${RS}} 0`,
      `vslog_rs_connections_created_total{${RS}} 30`,
      `vslog_rs_connections_ended_total{${RS},outcome="closed"} 20`,
      `vslog_rs_connections_ended_total{${RS},outcome="reset"} 2`,
      `vslog_rs_connections_ended_total{${RS},outcome="replaced"} 0`,
      `vslog_rs_nodest_dropped_packets_total{${RS}} 7`,
      `vslog_rs_last_change_timestamp_seconds{${RS}} ${NOW / 1000}`,
      `vslog_rs_changes_total{${RS}} 2`,
      `vslog_rs_withdrawals_total{${RS}} 1`,
      `vslog_rs_overloads_total{${RS}} 1`,
      `vslog_rs_connection_lifetime_seconds_bucket{${RS},le="0.064"} 0`,
      `vslog_rs_connection_lifetime_seconds_bucket{${RS},le="0.256"} 20`,
      `vslog_rs_connection_lifetime_seconds_bucket{${RS},le="+Inf"} 22`,
      `vslog_rs_connection_lifetime_seconds_count{${RS}} 22`,
      `vslog_rs_connection_lifetime_seconds_sum{${RS}} 15`,
      'vslog_vs_servers{vs="tcp 10.0.0.1:80"} 1',
      'vslog_vs_connections_created_total{vs="tcp 10.0.0.1:80"} 30',
      'vslog_traffic_up{part="balancer"} 1',
      'vslog_traffic_up{part="store"} 1',
      'vslog_traffic_series{kind="rs"} 1',
      'vslog_traffic_other{kind="rs"} 0',
    ])
      expect(lines).toContain(line);
    expect(lines.filter((line) => line.includes('other"}') || line.includes('rs="other"'))).toEqual([]);
    expect(story.notes).toEqual([]);
  });

  it('beyond the limit are one, which is told in the metrics, the status, and once in the log', async () => {
    story = new Story({ limit: 1 });
    story.list = balanced({ '10.0.0.1:80': { '10.1.0.1:80': 1, '10.1.0.2:80': 0 }, 'fwmark 7': { '10.1.0.3:0': 2 } });
    await story.scrape();
    story.minutes = [minute('', '', 9, [['idle', 0, 4]])];
    const lines = await story.scrape();
    for (const line of [
      'vslog_vs_active_connections{vs="other"} 20',
      'vslog_rs_weight{vs="other",rs="other"} 1',
      'vslog_rs_quiesced{vs="other",rs="other"} 1',
      'vslog_rs_draining{vs="other",rs="other"} 1',
      'vslog_rs_connections_created_total{vs="other",rs="other"} 9',
      'vslog_rs_connections_ended_total{vs="other",rs="other",outcome="idle"} 4',
      'vslog_traffic_other{kind="vs"} 1',
      'vslog_traffic_other{kind="rs"} 2',
    ])
      expect(lines).toContain(line);
    expect(lines.filter((line) => line.startsWith('vslog_rs_weight{'))).toHaveLength(2);
    const sentence = '1 virtual service and 2 real servers have no series of their own and are counted as "other": metrics.series is 1.';
    expect(story.notes).toEqual([`metrics: ${sentence}`]);
    const account = story.traffic.account();
    if (account === undefined) throw new Error('there is no account');
    expect(othersText(account)).toBe(sentence);
    expect(othersText({ ...account, services: { own: 1, other: 0 }, servers: { own: 1, other: 1 } })).toMatch(
      /^1 real server has no series of its own and is counted/,
    );
  });

  it.each([
    ['where there is no store', { store: undefined }],
    ['where there is one', {}],
  ])('end with who went, so that there is a place for others, %s', async (_where, options) => {
    story = new Story({ limit: 1, ...options });
    await story.scrape();
    story.list = balanced({ '10.0.0.2:80': { '10.1.0.2:80': 1 } });
    await story.scrape();
    story.nowMs += KEPT_MS + 1;
    await story.scrape();
    expect(await story.scrape()).toContain('vslog_rs_weight{vs="tcp 10.0.0.2:80",rs="10.1.0.2:80"} 1');
  });

  it('of a store that is away stay as they were, and say so', async () => {
    story = new Story();
    await story.scrape();
    story.minutes = [minute(service.slot, server.slot, 5)];
    await story.scrape();
    const { rows } = story.store;
    story.store.rows = () => Promise.reject(new Error('The server cannot be reached.'));
    const away = await story.scrape();
    await story.scrape();
    expect(away).toContain(`vslog_rs_connections_created_total{${RS}} 5`);
    expect(away).toContain('vslog_traffic_up{part="store"} 0');
    expect(away).toContain('vslog_traffic_age_seconds{part="store"} 15');
    expect(away).toContain(`vslog_rs_active_connections{${RS}} 10`);
    expect(story.notes).toEqual(['metrics: the store does not answer: The server cannot be reached.']);
    story.store.rows = rows;
    story.minutes = [minute(service.slot, server.slot, 8)];
    expect(await story.scrape()).toContain(`vslog_rs_connections_created_total{${RS}} 8`);
  });

  it('do not wait for a store that never answers', async () => {
    story = new Story({ waitMs: 1 });
    story.store.rows = () => new Promise(() => undefined);
    const lines = await story.scrape();
    expect(lines.filter((line) => line.startsWith('vslog_traffic_up{part="store"}'))).toEqual([]);
    expect(lines).toContain(`vslog_rs_active_connections{${RS}} 10`);
    // The one that asks is still at it: the next scrape asks no second time.
    const asked = story.store.asked.length;
    await story.scrape();
    expect(story.store.asked.length).toBe(asked);
  });

  it('of a balancer that is away have counts and no levels', async () => {
    story = new Story({ list: () => Promise.reject(new Error('Nobody listens.')) });
    const lines = await story.scrape();
    expect(lines).toContain('vslog_traffic_up{part="balancer"} 0');
    expect(lines.filter((line) => line.startsWith('vslog_vs_active'))).toEqual([]);
    expect(story.notes).toEqual(['metrics: the balancer does not answer: Nobody listens.']);
  });

  it('are asked for once when two scrapes come together, or soon after one another', async () => {
    story = new Story();
    const [first, second] = await Promise.all([story.traffic.exposition(ENGINE), story.traffic.exposition(ENGINE)]);
    expect(first).toBe(second);
    story.nowMs += 1000;
    await story.traffic.exposition(ENGINE);
    expect(story.lists).toBe(1);
    await story.scrape();
    expect(story.lists).toBe(2);
  });

  it('of a source without a list are those whose destination is translated, and nobody asks for a list', async () => {
    story = new Story();
    await story.scrape({ node: 'lb1', kind: 'conntrack' });
    expect(story.lists).toBe(0);
    expect(story.store.asked.find(({ sql }) => sql.includes('sumMap'))?.sql).toContain(
      '(real_addr, real_port) != (virtual_addr, virtual_port)',
    );
  });

  it('ask nothing of the store while it is not known whose log it is', async () => {
    story = new Story();
    await story.scrape({ node: '', kind: '' });
    expect([story.store.asked.length, story.lists]).toEqual([0, 0]);
  });

  it('have no counters without a store', async () => {
    story = new Story({ store: undefined });
    const lines = await story.scrape();
    expect(lines).toContain(`vslog_rs_active_connections{${RS}} 10`);
    expect(lines.filter((line) => line.includes('_total') || line.includes('part="store"'))).toEqual([]);
  });
});

describe('ends', () => {
  it('are counted by outcome and by lifetime, and both have the same sum', () => {
    const figures = new Map(
      OUTCOMES.flatMap(({ name }, i) => [0, 5, BOUNDS.length].map((bucket) => [cell(name, bucket), i + bucket] as const)),
    );
    const outcomes = endsByOutcome(figures);
    const buckets = cumulativeLifetimes(figures);
    expect([...outcomes.values()].reduce((a, b) => a + b, 0)).toBe(buckets.at(-1));
    expect([...buckets].sort((a, b) => a - b)).toEqual(buckets);
    expect(outcomes.get('unknown')).toBe(3 * 12 + 5 + 12);
    expect([...endsByOutcome(new Map()).values()]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('have buckets whose bounds are bounds of the store', () => {
    for (const bound of BOUNDS) expect(Number.isInteger(Math.log2(bound * 1000))).toBe(true);
    expect([BOUNDS[0], BOUNDS.at(-1)]).toEqual([0.004, 16_777.216]);
  });
});
