import { remembered, removed } from './spool.js';
import {
  between,
  type Collector,
  type Cursor,
  heldBy,
  isSealed,
  type Loss,
  most,
  type Note,
  type Segment,
  SINKS,
  type State,
  segmentsOf,
  without,
} from './state.js';

const NOBODY: Collector = {
  ...{ nextId: 1, written: 0, durable: 0, open: [], sealing: false, broken: false, known: [] },
  ...{ bringing: {}, looks: {}, told: false },
};

/** The collector starts: it reads what is there, and settles with what it remembers (src/spool/spool.ts load()). Undefined: it runs already. */
export function start(state: State): State | undefined {
  if (state.collector !== undefined) return undefined;
  // Does what notes announce, as far as it is not done; tell() tells of it.
  const disk = removed(
    state.disk,
    state.disk.notes.flatMap((note) => note.remove),
  );
  return settled(recovered({ ...state, disk, collector: NOBODY }));
}

/** After a write that failed: what is on the disk is the truth (spool.ts repair()). */
export function repair(state: State): State | undefined {
  return state.collector?.broken !== true || state.full ? undefined : recovered(state);
}

/** Seals what was not sealed, cut off behind the first event that nobody has: the capture is asked for that again (src/spool/recover.ts). */
function recovered(state: State): State {
  const { collector = NOBODY, disk } = state;
  const all = segmentsOf(disk);
  const said = most(disk.memory.accounted, ...all.map(({ position }) => position ?? 0));
  // Footers need room. Without, it starts, and takes nothing until repair().
  if (state.full && !all.every(isSealed)) return { ...state, collector: { ...collector, broken: true, written: said, durable: said } };
  const there = new Set(all.flatMap(({ events }) => events));
  // What a sealed one has stays; what is missing before it was in a file that is gone.
  let end = most(said, ...all.filter(isSealed).flatMap(({ events }) => events));
  // Of those that are known to be gone missing() tells.
  const gone = new Set(goneOf(state).flatMap(({ events }) => events));
  const vanished = between(said, end).filter((event) => !there.has(event) && !gone.has(event));
  while (there.has(end + 1)) end++;
  let { segments, memory, notes } = disk;
  if (vanished.length > 0) {
    notes = [...notes, { losses: [{ id: `vanished:${vanished[0]}-${vanished.at(-1)}`, events: vanished }], remove: [] }];
    memory = { ...memory, accounted: end };
  }
  for (const segment of all.filter((one) => !isSealed(one))) {
    const now: Segment = { ...segment, events: segment.events.filter((event) => event <= end), position: end };
    segments = now.events.length === 0 ? without(segments, [now.id]) : { ...segments, [now.id]: { now, kept: now } };
    if (now.events.length > 0) memory = remembered(memory, now);
  }
  const next = { ...collector, broken: false, written: end, durable: end };
  return { ...state, disk: { ...disk, segments, memory, notes }, collector: next };
}

/** Sealed segments that are to be there and are not. */
function goneOf({ disk }: State): Segment[] {
  return Object.values(disk.memory.sealed).filter(({ id }) => !(id in disk.segments));
}

/** Which sinks there are, how each goes on, which id comes next, and what somebody removed (spool.ts settleWith()). */
function settled(state: State): State {
  const { collector = NOBODY, disk, mends, sinks } = state;
  const isKnown = (name: string): boolean => sinks[name]?.on === true || (mends.idleCursors && name in disk.cursors);
  const ids = Object.keys(disk.segments).map(Number);
  const noted = disk.notes.flatMap((note) => note.remove);
  const given = mends.ids ? [disk.memory.newest, ...Object.values(disk.cursors).map(({ id }) => id), ...noted] : [];
  const all = Object.values(disk.cursors);
  const isOlder = disk.memory.newest > most(...ids, ...noted) || all.some((cursor) => isOfAnother(cursor, state));
  const generation = isOlder ? most(disk.memory.generation, ...all.map((one) => one.generation)) + 1 : disk.memory.generation;
  const next: State = {
    ...state,
    disk: { ...disk, memory: { ...disk.memory, generation } },
    collector: { ...collector, nextId: most(...ids, ...given) + 1 },
  };
  const foreign = SINKS.filter((name) => mends.ids && isOfAnother(disk.cursors[name], state));
  const known = mends.knownSinks ? SINKS.filter(isKnown) : [];
  return missing(known.reduce<State>((now, name) => begun(now, name, foreign.includes(name)), next));
}

/** Whether a cursor speaks of a spool that is not this one (src/spool/reconcile.ts contradicts()). */
export function isOfAnother(cursor: Cursor | undefined, { disk: { memory, notes, segments } }: State): boolean {
  if (cursor === undefined) return false;
  const top = most(memory.newest, ...Object.keys(segments).map(Number), ...notes.flatMap((note) => note.remove));
  const same = segments[cursor.id]?.now;
  return (
    cursor.id > top || cursor.generation > memory.generation || (same !== undefined && cursor.held !== '' && heldBy(same) !== cursor.held)
  );
}

/** How a sink goes on, for which segments are held back from here on (src/spool/reconcile.ts standingOf()). `isForeign`: its cursor is of another spool. */
export function begun(state: State, name: string, isForeign: boolean): State {
  const { collector, disk, mends, sinks } = state;
  if (collector === undefined) return state;
  const ids = Object.keys(disk.segments).map(Number);
  const oldest = Math.min(...ids, collector.nextId);
  const top = most(disk.memory.newest, ...ids, ...disk.notes.flatMap((note) => note.remove));
  const at = disk.cursors[name];
  const was = disk.memory.cursors[name];
  const had = isForeign ? oldest - 1 : (at?.id ?? was ?? oldest - 1);
  const lacked = [...Object.values(disk.memory.sealed), ...disk.memory.past].filter(({ id }) => id > had && id < oldest);
  const isVague = lacked.some((segment) => disk.memory.past.includes(segment));
  const loss: Loss = { id: `lack:${name}:${had}-${oldest}`, sink: name, ...lossOf(lacked, isVague) };
  const losses = mends.idleCursors && lacked.length > 0 ? [loss] : [];
  const isNew = at === undefined && was === undefined;
  const from = at === undefined || isForeign ? oldest - 1 : losses.length > 0 ? most(at.id, oldest - 1) : at.id;
  const first = ids.find((id) => id > from) ?? collector.nextId;
  // Beside that the sink is asked what it was brought last: an older copy of the disk may have been put back, cursors and all (src/sink/sink.ts start()).
  const last = sinks[name]?.last;
  const isAhead = last !== undefined && (last.id > first || (last.id === first && heldBy(disk.segments[first]?.now) !== heldBy(last)));
  const looksUpTo = isForeign || isAhead ? Number.POSITIVE_INFINITY : at === undefined ? top : at.looksUpTo;
  const there = new Set(segmentsOf(disk).flatMap(({ events }) => events));
  const end = most(collector.written, ...Object.values(disk.memory.sealed).flatMap(({ events }) => events));
  // What it has all the same nobody asked it.
  const before = between(0, end).filter((event) => !there.has(event) && !(event in (sinks[name]?.has ?? {})));
  const late: Loss[] = isNew && oldest > 1 ? [{ id: `before:${name}`, events: before, unknown: true, sink: name }] : [];
  const lacks = [...(at?.lacks ?? []), ...losses, ...late];
  const { generation } = disk.memory;
  const cursor: Cursor = { id: from, generation, held: from === at?.id && !isForeign ? at.held : '', looksUpTo, lacks };
  return {
    ...state,
    disk: {
      ...disk,
      notes: losses.length === 0 ? disk.notes : [...disk.notes, { losses, remove: [] }],
      cursors: { ...disk.cursors, [name]: cursor },
    },
    collector: { ...collector, known: [...collector.known, name], looks: { ...collector.looks, [name]: first } },
  };
}

/** What was in segments: of losses that were told in them nobody knows what they said. */
function lossOf(gone: readonly Segment[], isVague = false): Pick<Loss, 'events' | 'unknown'> {
  const hidden = gone.flatMap(({ losses }) => losses);
  const events = [...gone.flatMap((one) => one.events), ...hidden.flatMap((loss) => loss.events)];
  return hidden.length === 0 && !isVague ? { events } : { events, unknown: true };
}

/** What was sealed, is not there and was not removed by us is lost to those that have it not; the capture is not asked for it again (reconcile.ts missingFrom()). */
function missing(state: State): State {
  const { collector, disk, identities, mends } = state;
  const gone = goneOf(state);
  if (collector === undefined || !mends.ids || gone.length === 0) return state;
  const ids = gone.map(({ id }) => id);
  const held = gone.flatMap(({ events }) => events);
  const accounted = most(collector.written, ...held);
  // Between them lay what the open segment beside held: it is gone with them.
  const there = new Set(segmentsOf(disk).flatMap(({ events }) => events));
  const beside = between(most(collector.written, Math.min(...held) - 1), accounted).filter(
    (event) => !there.has(event) && !held.includes(event),
  );
  const least = collector.known.length === 0 ? 0 : Math.min(...collector.known.map((name) => disk.cursors[name]?.id ?? 0));
  const { events, unknown } = lossOf(gone.filter(({ id }) => id > least));
  const loss: Loss = { id: `missing:${identities}`, events: [...events, ...beside], unknown: unknown === true };
  const notes: Note[] = loss.events.length === 0 && !loss.unknown ? [] : [{ losses: [loss], remove: [] }];
  const sealed = without(disk.memory.sealed, ids);
  const memory = { ...disk.memory, accounted, sealed, past: [...disk.memory.past, ...gone] };
  return {
    ...state,
    identities: identities + 1,
    disk: { ...disk, memory, notes: [...disk.notes, ...notes] },
    collector: { ...collector, written: accounted, durable: accounted },
  };
}
