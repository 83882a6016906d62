import fc from 'fast-check';
import { broken, rested, wrongAtRest } from './check.js';
import { crash, cut, removeNewest, restore, switched } from './faults.js';
import { start } from './start.js';
import { beginning, type Disk, type Kind, type Mends, SINKS, type State } from './state.js';
import { advance, bring, drop, make, register, remove, seal, settle, skip, sync, tell, trim, write } from './steps.js';

/** One step of a history. What cannot happen then is passed over. */
export type Step =
  | { readonly do: 'make'; readonly kind: Kind }
  | {
      readonly do:
        | 'start'
        | 'write'
        | 'sync'
        | 'seal'
        | 'trim'
        | 'drop'
        | 'remove'
        | 'tell'
        | 'settle'
        | 'skip'
        | 'crash'
        | 'copy'
        | 'restore';
    }
  | { readonly do: 'register' | 'bring' | 'advance' | 'off' | 'on'; readonly sink: number }
  /** `stays`: a bit each for ids modulo 8, whether what was written of it stays. */
  | { readonly do: 'cut'; readonly stays: number }
  | { readonly do: 'remove newest'; readonly count: number };

const sink = fc.nat(SINKS.length - 1);
const plain = (
  what: 'start' | 'write' | 'sync' | 'seal' | 'trim' | 'drop' | 'remove' | 'tell' | 'settle' | 'skip' | 'crash' | 'copy' | 'restore',
) => fc.constant({ do: what } as const);
const ofSink = (what: 'register' | 'bring' | 'advance' | 'off' | 'on') => fc.record({ do: fc.constant(what), sink });

/** Histories: what production does comes more often than what goes wrong. */
export const anyHistory: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof<fc.WeightedArbitrary<Step>[]>(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('make' as const), kind: fc.constantFrom<Kind[]>('conn', 'control') }) },
    ...(['write', 'sync', 'seal'] as const).map((what) => ({ weight: 6, arbitrary: plain(what) })),
    { weight: 4, arbitrary: plain('start') },
    ...(['trim', 'drop', 'remove', 'tell', 'settle'] as const).map((what) => ({ weight: 3, arbitrary: plain(what) })),
    ...(['bring', 'advance'] as const).map((what) => ({ weight: 5, arbitrary: ofSink(what) })),
    ...(['register', 'off', 'on'] as const).map((what) => ({ weight: 1, arbitrary: ofSink(what) })),
    ...(['skip', 'crash', 'copy', 'restore'] as const).map((what) => ({ weight: 1, arbitrary: plain(what) })),
    { weight: 1, arbitrary: fc.record({ do: fc.constant('cut' as const), stays: fc.nat(255) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('remove newest' as const), count: fc.integer({ min: 1, max: 3 }) }) },
  ),
  { minLength: 5, maxLength: 60, size: 'max' },
);

/** Plays a history with these mends, and tells what is wrong, a sentence each: at once where a step broke something, else at the end, where everything works again. */
export function playedOut(history: readonly Step[], mends: Mends): string[] {
  let state = beginning(mends);
  let copy: Disk | undefined;
  let exact = true;
  for (const step of history) {
    if (step.do === 'copy' && state.collector === undefined) copy = state.disk;
    if (step.do === 'restore' && copy !== undefined) exact = false;
    state = next(state, step, copy) ?? state;
    const wrong = broken(state);
    if (wrong.length > 0) return wrong;
  }
  return wrongAtRest(rested(state), exact);
}

function next(state: State, step: Step, copy: Disk | undefined): State | undefined {
  switch (step.do) {
    case 'make':
      return make(state, step.kind);
    case 'cut':
      return cut(state, (id) => ((step.stays >> (id % 8)) & 1) === 1);
    case 'remove newest':
      return removeNewest(state, step.count);
    case 'copy':
      return undefined;
    case 'restore':
      return copy === undefined ? undefined : restore(state, copy);
    case 'register':
    case 'bring':
    case 'advance':
      return { register, bring, advance }[step.do](state, SINKS[step.sink] ?? 'a');
    case 'off':
    case 'on':
      return switched(state, SINKS[step.sink] ?? 'a', step.do === 'on');
    default:
      return { start, write, sync, seal, trim, drop, remove, tell, settle, skip, crash }[step.do](state);
  }
}
