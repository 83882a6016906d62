import type { StatusDocument } from '../../../src/api/status.js';

/** A sink that has everything. */
export const SINK = {
  ...{ name: 'embedded', state: 'running', circuit: 'closed', failures: 0, next_try: null, delivered_segment: 7, delivered_events: 70 },
  ...{ lag_segments: 0, lag_events: 0, refused: 0, doubt: null, lacks: null, error: null },
  ...{ notes: [], message_bytes: null, unproven_events: 0 },
} as const;

/** A collector whose capture lost three events, with a sink that does not answer. */
export const STATUS: StatusDocument = {
  ...{ version: '1.2.3', pid: 1, started: '2023-11-14T22:13:20.000Z', rss_bytes: 1000, lag_events: 5 },
  capture: {
    ...{ connected: true, socket: 's', node: 'lb1', epoch: 'e', source: 'ipvs', software: 'x', connections: 1, error: null },
    account: {
      ...{ source: 'ipvs', state: 'running', epoch: 'e', next_sequence: 101, events: 90, connections: 12, live: 0, malformed: 0, pid: 2 },
      ...{ session_bytes: 0, longest_away_ns: 1e6, unlogged: 0 },
      ...{
        journal: { bytes: 64, used: 1 },
        ring: { bytes: 16, used: 0 },
        durable: [],
        rss_bytes: 2000,
        cpu_ns: 1.5e9,
        started: '2023-11-14T22:13:20.000000000Z',
      },
      losses: [
        { where: 'ring', lost: 3 },
        { where: 'journal', lost: 0 },
      ],
    },
  },
  spool: {
    ...{ directory: 'd', state: 'running', bytes: 10, segments: 2, active_events: 0, backlog_bytes: 0, quarantined: 0, waiting_bytes: 4 },
    losses: [{ where: 'spool', lost: 20, unknown: false }],
    ...{ sequence: 95, epoch: 'e' },
  },
  sinks: [
    SINK,
    {
      ...SINK,
      name: 'kafka',
      circuit: 'open',
      failures: 9,
      lag_events: 40,
      error: 'Nobody listens.',
      message_bytes: 700,
      notes: ['It looks.'],
    },
  ],
  idle_sinks: [],
  store: { kind: 'embedded', dir: 'd', disk: { free_bytes: 2000, keep_free_bytes: 1000 }, set_aside: [] },
  clock: { believed: true, time: '2023-11-14T22:13:20.000Z', shows: '2023-11-14T22:13:20.000Z', problem: null, nodes: [] },
  metrics: null,
  counters: { events: 95, batches: 9, bytes: 900, duplicates: 0, lost: 0 },
};
