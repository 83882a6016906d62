import type { History } from './steps.js';

const SINKS = [
  { name: 'store', isTopic: false },
  { name: 'topic', isTopic: true },
] as const;
const SPOOL = { fsync: 'always', segmentEvents: 2, segmentAgeMs: 20, maxSegments: 2, whenFull: 'block', backlogBytes: 0 } as const;

/** Shortest histories that went wrong once: random ones found them. */
export const FOUND: Readonly<Record<string, History>> = {
  'a segment that every sink had could not be removed, and the next one could': {
    options: { spool: SPOOL, spare: 0, sinks: SINKS },
    steps: [
      { do: 'events', count: 1, control: false },
      { do: 'pass', ms: 3000 },
      { do: 'eio', in: 13 },
      { do: 'events', count: 1, control: false },
      { do: 'pass', ms: 200 },
      { do: 'events', count: 1, control: false },
      { do: 'pass', ms: 200 },
      { do: 'die', in: 0, cut: undefined },
      { do: 'back', sink: 0 },
    ],
  },
  'a segment was removed together with the one beside it that was not sealed': {
    options: { spool: { ...SPOOL, segmentEvents: 3 }, spare: 0, sinks: SINKS },
    steps: [
      { do: 'die', in: 21, cut: undefined },
      { do: 'events', count: 1, control: false },
      { do: 'events', count: 1, control: false },
      { do: 'events', count: 2, control: true },
      { do: 'remove', newest: 2 },
      { do: 'stop' },
      { do: 'die', in: 0, cut: undefined },
    ],
  },
  'a sync failed, the next one did not, and then the power went': {
    options: { spool: { ...SPOOL, fsync: 'interval:30' }, spare: 0, sinks: SINKS },
    steps: [
      { do: 'die', in: 36, cut: 0 },
      { do: 'unsynced', in: 0 },
      { do: 'events', count: 1, control: false },
      { do: 'pass', ms: 3000 },
    ],
  },
  'a segment that every sink had was damaged': {
    options: { spool: SPOOL, spare: 0, sinks: SINKS },
    steps: [
      { do: 'die', in: 41, cut: undefined },
      { do: 'events', count: 2, control: false },
      { do: 'damage', file: 0, at: 0 },
      { do: 'pass', ms: 1 },
      { do: 'events', count: 1, control: false },
    ],
  },
};
