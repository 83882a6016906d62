import type { History, Step } from './steps.js';

const events = (count: number, control = false): Step => ({ do: 'events', count, control });
const AMOMENT: Step = { do: 'pass', ms: 1 };

function history(spool: Partial<History['options']['spool']>, steps: readonly Step[], spare = 0): History {
  return {
    options: {
      spool: { fsync: 'always', segmentEvents: 2, segmentAgeMs: 20, maxSegments: 2, whenFull: 'block', backlogBytes: 0, ...spool },
      spare,
      sinks: [
        { name: 'store', isTopic: false },
        { name: 'topic', isTopic: true },
      ],
    },
    steps,
  };
}

/** Shortest histories that go wrong without something that production does: random ones found them. */
export const CASES = {
  /** A start trims what the sink lacks that is registered last. */
  'sinks that are all known before anything is removed': history({}, [{ do: 'away', sink: 1 }, events(2), events(1), { do: 'stop' }]),
  /** What a sink lacks that is off goes. */
  'cursors that hold segments back while their sink is off': history({}, [
    { do: 'stop' },
    events(1, true),
    { do: 'off', sink: 0 },
    events(2),
    { do: 'start' },
    events(1),
    AMOMENT,
  ]),
  /** The first footer speaks of what the second segment had not yet durable. */
  'footers that speak only of what is durable': history({ fsync: 'interval:30', segmentEvents: 3 }, [
    events(1),
    events(1, true),
    { do: 'die', in: 6, cut: 0 },
    events(1),
    { do: 'pass', ms: 30 },
  ]),
  /** New segments have ids that the sinks have had. */
  'ids that never go back': history({}, [{ do: 'stop' }, { do: 'remove', newest: 1 }, events(1), events(1, true)], 3),
  /** A loss that was told, and not yet known to be told, is told again. */
  'losses with an identity': history({ whenFull: 'drop-oldest' }, [
    { do: 'room', bytes: 8192 },
    events(1),
    { do: 'away', sink: 0 },
    events(1),
    events(1),
    { do: 'pass', ms: 3000 },
  ]),
} as const;

/** What production does. */
export type Mend = keyof typeof CASES;
