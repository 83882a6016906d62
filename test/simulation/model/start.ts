import {
  type Collector,
  isSealed,
  type Loss,
  type Memory,
  most,
  type Note,
  type Segment,
  type Sequence,
  SINKS,
  type Sink,
  type State,
  segmentsOf,
  without,
} from './state.js';

/** The collector starts: it reads what is there, and settles with what it remembers (src/spool/spool.ts load(), recover.ts, reconcile.ts). Undefined: it runs already. */
export function start(state: State): State | undefined {
  if (state.collector !== undefined) return undefined;
  return settled(recovered(redone(state)));
}

/** Does what notes announce, as far as it is not done. Their losses are told by tell(). */
function redone(state: State): State {
  const ids = state.disk.notes.flatMap(({ remove }) => remove);
  const { segments, memory } = state.disk;
  // What they held is not missing: the notes tell of it.
  const sealed = ids.reduce<Memory['sealed']>(without, memory.sealed);
  return {
    ...state,
    disk: { ...state.disk, segments: ids.reduce<State['disk']['segments']>(without, segments), memory: { ...memory, sealed } },
  };
}

/** Seals what was not sealed, cut off behind the first sequence that nobody has: the capture is asked for that again. */
function recovered(state: State): State {
  const all = segmentsOf(state);
  const said = most(state.disk.memory.accounted, ...all.map(({ position }) => position ?? 0));
  const there = new Set(all.flatMap(({ events }) => events));
  // What a sealed one has stays; what is missing before it was in a file that is gone.
  let end = most(said, ...all.filter(isSealed).flatMap(({ events }) => events));
  // Of those that are known to be gone missing() tells.
  const gone = new Set(goneOf(state).flatMap(([, events]) => events));
  const vanished = between(said, end).filter((sequence) => !there.has(sequence) && !gone.has(sequence));
  while (there.has(end + 1)) end++;
  let { segments, memory, notes } = state.disk;
  if (vanished.length > 0) {
    notes = [...notes, { loss: { id: `vanished:${vanished[0]}-${vanished.at(-1)}`, events: vanished }, remove: [] }];
    memory = { ...memory, accounted: end };
  }
  for (const segment of all.filter((one) => !isSealed(one))) {
    const events = segment.events.filter((sequence) => sequence <= end);
    segments = without(segments, segment.id);
    if (events.length === 0 && segment.losses.length === 0) continue;
    const now: Segment = { ...segment, events, position: end };
    segments = { ...segments, [segment.id]: { now, kept: now } };
    memory = remembered(memory, now);
  }
  return { ...state, disk: { ...state.disk, segments, memory, notes }, collector: { ...NOBODY, written: end, durable: end } };
}

/** Sealed segments that are not there, and what they held. */
function goneOf({ disk }: State): [id: string, events: readonly Sequence[]][] {
  return Object.entries(disk.memory.sealed).filter(([id]) => !(id in disk.segments));
}

/** The sequences behind one up to another. */
function between(behind: Sequence, to: Sequence): Sequence[] {
  return Array.from({ length: Math.max(0, to - behind) }, (_, i) => behind + 1 + i);
}

const NOBODY: Collector = { nextId: 1, written: 0, durable: 0, open: [], known: [], bringing: {}, looks: {}, told: false };

/** What is remembered once a segment is sealed. */
export function remembered(memory: Memory, { id, events }: Segment): Memory {
  return { ...memory, newest: most(memory.newest, id), sealed: { ...memory.sealed, [id]: events } };
}

/** Which sinks there are, how each goes on, which id comes next, and what somebody removed. */
function settled(state: State): State {
  const { collector, disk, mends, sinks } = state;
  if (collector === undefined) return state;
  const on = SINKS.filter((name) => sinks[name]?.on === true);
  const known = !mends.knownSinks ? [] : SINKS.filter((name) => on.includes(name) || (mends.idleCursors && name in disk.cursors));
  const ids = Object.keys(disk.segments).map(Number);
  const given = mends.ids ? [disk.memory.newest, ...Object.values(disk.cursors), ...disk.notes.flatMap(({ remove }) => remove)] : [];
  const next = { ...state, collector: { ...collector, known, nextId: most(...ids, ...given) + 1 } };
  return missing(known.reduce(begun, next));
}

/** A sink is registered: from here on it is waited for (src/spool/sinks.ts). What it lacks is told: it was gone before it had it. */
export function begun(state: State, name: string): State {
  const { collector, disk, mends } = state;
  if (collector === undefined) return state;
  const oldest = Math.min(...Object.keys(disk.segments).map(Number), collector.nextId);
  const had = disk.cursors[name] ?? 0;
  const lacked = Object.entries(disk.memory.sealed).filter(([id]) => Number(id) > had && Number(id) < oldest);
  const events = lacked.flatMap(([, held]) => held).filter((sequence) => (state.sinks[name]?.has[sequence] ?? 0) === 0);
  const loss: Loss = { id: `lack:${name}:${had}-${oldest}`, events, sink: name };
  const notes = mends.idleCursors && events.length > 0 ? [...disk.notes, { loss, remove: [] }] : disk.notes;
  const cursors = { ...disk.cursors, [name]: most(had, oldest - 1) };
  const known = collector.known.includes(name) ? collector.known : [...collector.known, name];
  // The first may have come before a death.
  const first = segmentsOf(state).find(({ id }) => id > (cursors[name] ?? 0))?.id ?? collector.nextId;
  const looks = { ...collector.looks, [name]: first };
  const sink = state.sinks[name] === undefined ? {} : { [name]: met(state, state.sinks[name], first, name in disk.cursors) };
  return { ...state, sinks: { ...state.sinks, ...sink }, disk: { ...disk, notes, cursors }, collector: { ...collector, known, looks } };
}

/** A sink is asked what it was brought last: where an older copy of the disk was put back, that is not what is here. To one that never had a cursor nobody promised what is gone. */
function met(state: State, sink: Sink, first: number, isKnown: boolean): Sink {
  const { last } = sink;
  const here = last === undefined ? undefined : state.disk.segments[last.id]?.now;
  const isAhead = last !== undefined && (last.id > first || (last.id === first && here?.events.join() !== last.events.join()));
  const doubts = sink.doubts || isAhead;
  if (isKnown || last !== undefined) return { ...sink, doubts };
  const there = new Set(segmentsOf(state).flatMap(({ events }) => events));
  return { ...sink, before: between(0, state.collector?.written ?? 0).filter((sequence) => !there.has(sequence)) };
}

/** What was sealed, is not there and was not removed by us is lost to those that have it not; the capture is not asked for it again. */
function missing(state: State): State {
  const { collector, disk, mends } = state;
  if (collector === undefined || !mends.ids) return state;
  const gone = goneOf(state);
  if (gone.length === 0) return state;
  const ids = gone.map(([id]) => Number(id));
  const held = gone.flatMap(([, events]) => events);
  const accounted = most(collector.written, ...held);
  // Between them lay what the open segment beside held: it is gone with them.
  const there = new Set(segmentsOf(state).flatMap(({ events }) => events));
  const beside = between(collector.written, accounted).filter((sequence) => !there.has(sequence) && !held.includes(sequence));
  const least = Math.min(...collector.known.map((name) => disk.cursors[name] ?? 0));
  const lost = [...gone.filter(([id]) => Number(id) > least).flatMap(([, events]) => events), ...beside];
  const note: Note = { loss: { id: `missing:${Math.min(...ids)}-${most(...ids)}`, events: lost }, remove: [] };
  const memory = { ...disk.memory, accounted, sealed: ids.reduce<Memory['sealed']>(without, disk.memory.sealed) };
  const notes = lost.length === 0 ? disk.notes : [...disk.notes, note];
  return { ...state, disk: { ...disk, memory, notes }, collector: { ...collector, written: accounted, durable: accounted } };
}
