import type { Step } from './play.js';
import type { Mends, SINKS } from './state.js';

type Plain = Exclude<Step, { sink: string } | { kind: string } | { cursors: string } | { stays: unknown } | { count: number }>['do'];
type OfSink = Exclude<Extract<Step, { sink: string }>, { nth: number }>['do'];

const all = (...names: readonly Plain[]): Step[] => names.map((name) => ({ do: name }));
const of = (sink: (typeof SINKS)[number], ...names: readonly OfSink[]): Step[] => names.map((name) => ({ do: name, sink }));
const MAKE: Step = { do: 'make', kind: 'conn' };
const ANOTHER = [MAKE, ...all('send', 'write', 'seal')];

/** A history, and what goes wrong in it. */
export interface Case {
  readonly history: readonly Step[];
  readonly wrong: string;
}

/** Of each mend the shortest history that goes wrong without it. Event 1 is the capture's own, a control record. Random histories found them. */
export const CASES: Readonly<Record<keyof Mends, Case>> = {
  /** What only the topic has is removed: the store is not known yet. */
  knownSinks: {
    history: [
      ...all('start'),
      ...of('topic', 'register'),
      ...all('connect', 'send', 'write', 'seal'),
      ...[...ANOTHER, ...ANOTHER],
      ...of('topic', 'bring', 'answer', 'advance'),
      ...all('acknowledge', 'trim'),
      ...of('store', 'register'),
    ],
    wrong: '1 was acknowledged, and is neither durable nor told as lost.',
  },
  /** What the topic lacks, which is off, is removed: the store has it. */
  idleCursors: {
    history: [
      ...all('start'),
      ...of('topic', 'off'),
      ...all('start', 'connect', 'send', 'write', 'seal'),
      ...[...ANOTHER, ...ANOTHER],
      ...of('store', 'bring', 'answer', 'advance'),
      ...all('trim'),
    ],
    wrong: 'topic has not 1, and nothing tells of that.',
  },
  /** The first footer speaks of what the second segment has not yet durable: nobody asks the capture for that again. */
  ownPositions: {
    history: [...all('start', 'connect', 'send', 'write'), MAKE, ...all('send', 'write', 'seal'), { do: 'cut', stays: [0, 0, 0, 0] }],
    wrong: 'store has not 2, and nothing tells of that.',
  },
  /** Somebody removed a segment that the store has; a new one gets its id, and is passed over. */
  ids: {
    history: [
      ...all('start', 'connect', 'send', 'write', 'seal'),
      ...of('store', 'bring', 'answer', 'advance'),
      ...all('stop'),
      ...[{ do: 'removeNewest', count: 1 } as const, { do: 'make', kind: 'control' } as const],
    ],
    wrong: 'store has not 2, and nothing tells of that.',
  },
  /** A loss is told, and again by a start that does not know that it was. */
  identity: {
    history: [
      ...all('start', 'connect', 'send', 'write', 'seal'),
      ...[...ANOTHER, ...ANOTHER, ...ANOTHER, ...ANOTHER],
      ...all('drop', 'remove', 'tell', 'stop'),
    ],
    wrong: '1 is told as lost 2 times.',
  },
};

/** Shortest histories that went wrong once. */
export const FOUND: Readonly<Record<string, readonly Step[]>> = {
  // The cursors have passed what somebody removed, and what was dropped before that; the copy has both, and is of an earlier generation than they.
  'an older copy of the disk was put back, and the cursors of now were left beside it': [
    ...all('start', 'connect', 'send', 'write', 'seal'),
    ...[MAKE, ...all('send', 'write', 'copy', 'seal', 'fill', 'drop', 'stop')],
    { do: 'removeNewest', count: 1 },
    ...all('start'),
    { do: 'restore', cursors: 'left' },
  ],
};
