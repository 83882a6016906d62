import fc from 'fast-check';
import { acknowledge, connect, hear, make, release, send } from './capture.js';
import { broken, rested, wrongAtRest } from './check.js';
import { advance, answer, bring, register } from './delivery.js';
import { cut, die, fail, fill, forget, goes, hangUp, loseAnswer, loseJournal, removeNewest, restore, switchTo } from './faults.js';
import { drop, remove, seal, settle, sync, tell, trim, write } from './spool.js';
import { repair, start } from './start.js';
import { beginning, type Disk, type Kind, type Mends, SINKS, type State } from './state.js';

/** What needs no more than a state. */
const ALONE = {
  ...{ start, connect, send, write, sync, acknowledge, hear, release, seal, trim, drop, remove, tell, settle, repair },
  ...{ stop, die, fail, hangUp, loseJournal },
  fill: (state: State) => fill(state, true),
  room: (state: State) => fill(state, false),
};
/** What happens to one sink. */
const OF_SINK = {
  ...{ register, bring, answer, advance, loseAnswer },
  away: (state: State, name: string) => goes(state, name, true),
  back: (state: State, name: string) => goes(state, name, false),
  off: (state: State, name: string) => switchTo(state, name, false),
  on: (state: State, name: string) => switchTo(state, name, true),
};
const CURSORS = ['copied', 'left', 'none'] as const;

/** One step of a history. What cannot happen then is passed over. */
export type Step =
  | { readonly do: keyof typeof ALONE | 'copy' }
  | { readonly do: keyof typeof OF_SINK; readonly sink: (typeof SINKS)[number] }
  | { readonly do: 'make'; readonly kind: Kind }
  | { readonly do: 'restore'; readonly cursors: (typeof CURSORS)[number] }
  /** So many events of each file stay, by its id modulo 4. */
  | { readonly do: 'cut'; readonly stays: readonly number[] }
  | { readonly do: 'removeNewest'; readonly count: number }
  | { readonly do: 'forget'; readonly sink: (typeof SINKS)[number]; readonly nth: number };

/** An orderly end: what is open is sealed before (src/collector/collector.ts stop()). */
function stop(state: State): State {
  const next = seal(state);
  return next === undefined ? die(state) : stop(next);
}

const sink = fc.constantFrom(...SINKS);
type Dealt = fc.WeightedArbitrary<Step> & { readonly what: Step['do'] };
const one = (weight: number, what: Step['do'], arbitrary: fc.Arbitrary<Step>): Dealt => ({ weight, what, arbitrary });
const alone = (weight: number, ...all: readonly (keyof typeof ALONE | 'copy')[]): Dealt[] =>
  all.map((what) => one(weight, what, fc.constant<Step>({ do: what })));
const ofSink = (weight: number, ...all: readonly (keyof typeof OF_SINK)[]): Dealt[] =>
  all.map((what) => one(weight, what, fc.record({ do: fc.constant(what), sink })));

/** What production does comes more often than what goes wrong. */
const DEALT: readonly Dealt[] = [
  one(24, 'make', fc.record({ do: fc.constant('make' as const), kind: fc.constantFrom<Kind[]>('conn', 'control') })),
  ...alone(24, 'send', 'write', 'seal'),
  ...alone(12, 'start', 'connect', 'sync', 'acknowledge', 'trim', 'drop', 'remove', 'tell', 'settle'),
  ...alone(6, 'hear', 'release', 'repair', 'room'),
  ...ofSink(20, 'bring', 'answer', 'advance'),
  ...ofSink(4, 'register', 'off', 'on', 'away', 'back', 'loseAnswer'),
  ...alone(3, 'stop', 'die', 'fail', 'hangUp', 'fill', 'copy'),
  ...alone(1, 'loseJournal'),
  one(2, 'restore', fc.record({ do: fc.constant('restore' as const), cursors: fc.constantFrom(...CURSORS) })),
  one(4, 'cut', fc.record({ do: fc.constant('cut' as const), stays: fc.array(fc.nat(2), { minLength: 4, maxLength: 4 }) })),
  one(3, 'removeNewest', fc.record({ do: fc.constant('removeNewest' as const), count: fc.integer({ min: 1, max: 3 }) })),
  one(1, 'forget', fc.record({ do: fc.constant('forget' as const), sink, nth: fc.nat(9) })),
];

/** Histories of up to 200 steps. `without`: steps that none has. */
export function anyHistory(without: readonly Step['do'][] = []): fc.Arbitrary<readonly Step[]> {
  return fc.array(fc.oneof(...DEALT.filter(({ what }) => !without.includes(what))), { minLength: 5, maxLength: 200, size: 'max' });
}

/** Plays a history with these mends, and tells what is wrong, a sentence each: at once where a step broke something, else at the end, where everything works again. */
export function playedOut(history: readonly Step[], mends: Mends): string[] {
  let state = beginning(mends);
  let copy: Disk | undefined;
  let exact = true;
  for (const step of history) {
    if (step.do === 'copy') copy = state.disk;
    if (step.do === 'restore' && copy !== undefined) exact = false;
    const next = after(state, step, copy);
    if (next === undefined) continue;
    state = next;
    const wrong = broken(state);
    if (wrong.length > 0) return wrong;
  }
  return wrongAtRest(rested(state), exact);
}

function after(state: State, step: Step, copy: Disk | undefined): State | undefined {
  switch (step.do) {
    case 'make':
      return make(state, step.kind);
    case 'cut':
      return cut(state, (id) => step.stays[id % step.stays.length] ?? 0);
    case 'removeNewest':
      return removeNewest(state, step.count);
    case 'copy':
      return undefined;
    case 'restore':
      return copy === undefined ? undefined : restore(state, copy, step.cursors);
    case 'forget':
      return forget(state, step.sink, step.nth);
    default:
      return 'sink' in step ? OF_SINK[step.do](state, step.sink) : ALONE[step.do](state);
  }
}
