import { begun, isOfAnother } from './start.js';
import { type Cursor, heldBy, isSealed, type State, segmentsOf, withSink } from './state.js';

/* How the sinks get what the spool has: each by a pump of its own (src/sink/pump.ts). Each step takes a state to the next one; undefined: it cannot happen now. */

/** A sink that was not named at the start is made known: only where not all are from the start (src/spool/sinks.ts register()). */
export function register(state: State, name: string): State | undefined {
  const { collector } = state;
  if (collector === undefined || collector.known.includes(name) || state.sinks[name]?.on !== true) return undefined;
  return begun(state, name, state.mends.ids && isOfAnother(state.disk.cursors[name], state));
}

/** A sink takes the segment behind its cursor, each event or only those that it has not. That it did is not known yet (pump.ts send()). */
export function bring(state: State, name: string): State | undefined {
  const { collector, disk } = state;
  const sink = state.sinks[name];
  const cursor = disk.cursors[name];
  if (collector === undefined || sink?.on !== true || sink.away || cursor === undefined || !collector.known.includes(name))
    return undefined;
  // What is being dropped nobody is brought any more.
  const doomed = disk.notes.flatMap((note) => note.remove);
  const segment = segmentsOf(disk).find((one) => isSealed(one) && one.id > cursor.id && !doomed.includes(one.id));
  if (segment === undefined || collector.bringing[name] !== undefined) return undefined;
  const looks = segment.id <= Math.max(cursor.looksUpTo, collector.looks[name] ?? 0);
  const has = { ...sink.has };
  for (const event of segment.events) if (!looks || (has[event] ?? 0) === 0) has[event] = (has[event] ?? 0) + 1;
  const next = withSink(state, name, () => ({ ...sink, has, told: [...sink.told, ...segment.losses], last: segment }));
  return { ...next, collector: { ...collector, bringing: { ...collector.bringing, [name]: { id: segment.id, heard: false } } } };
}

/** The collector hears that the sink took it. */
export function answer(state: State, name: string): State | undefined {
  const { collector } = state;
  const now = collector?.bringing[name];
  if (collector === undefined || now === undefined || now.heard) return undefined;
  return { ...state, collector: { ...collector, bringing: { ...collector.bringing, [name]: { ...now, heard: true } } } };
}

/** What the sink has is noted, durably (pump.ts bring(), src/spool/sinks.ts advance()). */
export function advance(state: State, name: string): State | undefined {
  const { collector, disk } = state;
  const { [name]: now, ...bringing } = collector?.bringing ?? {};
  const had = disk.cursors[name];
  if (collector === undefined || had === undefined || now?.heard !== true) return undefined;
  const { id } = now;
  const cursor: Cursor = { ...had, id, held: heldBy(state.sinks[name]?.last) };
  const memory = { ...disk.memory, cursors: { ...disk.memory.cursors, [name]: id } };
  return { ...state, disk: { ...disk, memory, cursors: { ...disk.cursors, [name]: cursor } }, collector: { ...collector, bringing } };
}
