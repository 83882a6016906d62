import { begun, remembered } from './start.js';
import { type Disk, isSealed, type Kind, type Loss, most, type Segment, type Sink, type State, segmentsOf, without } from './state.js';

/* What the parts do. Each takes a state to the next one; undefined: it cannot happen now. */

/** So many segments stay that every sink has. */
const STAY = 2;
/** So many wait for a sink before the oldest is dropped: `spool.when_full = "drop-oldest"`. */
const WAIT = 4;

/** The capture records an event (native/wire/journal.cc). */
export function make(state: State, kind: Kind): State {
  return { ...state, made: [...state.made, kind] };
}

/** The collector writes the next event, into the open segment of its kind; nothing is durable yet (src/spool/spool.ts writeGroup()). */
export function write(state: State): State | undefined {
  const { collector, disk } = state;
  const sequence = (collector?.written ?? 0) + 1;
  const kind = state.made[sequence - 1];
  // What the capture let go of it cannot send again.
  if (collector === undefined || kind === undefined || sequence <= state.acknowledged) return undefined;
  const open = collector.open.map((id) => disk.segments[id]).find((file) => file?.now.kind === kind);
  const id = open?.now.id ?? collector.nextId;
  const now: Segment = {
    ...(open?.now ?? { id, kind, events: [], losses: [], position: undefined }),
    events: [...(open?.now.events ?? []), sequence],
  };
  const segments = { ...disk.segments, [id]: { now, kept: open?.kept } };
  const opened = open === undefined ? { open: [...collector.open, id], nextId: id + 1 } : {};
  return { ...state, disk: { ...disk, segments }, collector: { ...collector, ...opened, written: sequence } };
}

/** What is written is made durable, and then acknowledged: the capture lets it go (spool.ts sync(), src/collector/receiver.ts). */
export function sync(state: State): State | undefined {
  const { collector } = state;
  if (collector === undefined || collector.durable === collector.written) return undefined;
  const acknowledged = most(state.acknowledged, collector.written);
  return { ...state, acknowledged, disk: synced(state.disk, collector.open), collector: { ...collector, durable: collector.written } };
}

function synced(disk: Disk, ids: readonly number[]): Disk {
  const files = ids.flatMap((id) => disk.segments[id] ?? []);
  return { ...disk, segments: { ...disk.segments, ...Object.fromEntries(files.map(({ now }) => [now.id, { now, kept: now }])) } };
}

/** The oldest open segment gets its footer, durably. The others follow; a death may come between (spool.ts sealWriters()). */
export function seal(state: State): State | undefined {
  const { collector, mends } = state;
  const [id] = collector?.open ?? [];
  if (collector === undefined || id === undefined) return undefined;
  const disk = synced(state.disk, mends.ownPositions ? collector.open : [id]);
  const file = disk.segments[id];
  if (file === undefined) return undefined;
  // The last speaks of all that is written, the others only of what is theirs and before.
  const last = collector.open.length === 1;
  const position =
    last || !mends.ownPositions
      ? collector.written
      : upToGap(
          file.now,
          collector.open.map((other) => disk.segments[other]?.now),
        );
  const now: Segment = { ...file.now, position };
  const segments = { ...disk.segments, [id]: { now, kept: now } };
  return {
    ...state,
    disk: { ...disk, segments, memory: remembered(disk.memory, now) },
    collector: { ...collector, open: collector.open.slice(1), durable: last ? collector.written : collector.durable },
  };
}

/** The last sequence before the first that another open segment has. */
function upToGap(own: Segment, all: readonly (Segment | undefined)[]): number {
  const others = all.flatMap((one) => (one === undefined || one.id === own.id ? [] : one.events));
  return Math.min(most(...own.events), ...others.map((sequence) => sequence - 1));
}

/** A sink that was not named at the start is registered: only where sinks are not known from the start. */
export function register(state: State, name: string): State | undefined {
  const { collector } = state;
  if (collector === undefined || collector.known.includes(name) || state.sinks[name]?.on !== true) return undefined;
  return begun(state, name);
}

/** A sink is brought the next segment; that it has it is not noted yet (src/sink/pump.ts). The first after a start is looked for, and only what is absent is brought. */
export function bring(state: State, name: string): State | undefined {
  const { collector } = state;
  const sink = state.sinks[name];
  if (collector === undefined || sink?.on !== true || !collector.known.includes(name)) return undefined;
  // What is being dropped nobody is brought any more.
  const doomed = state.disk.notes.flatMap((note) => note.remove);
  const isNext = (segment: Segment): boolean =>
    segment.id > (state.disk.cursors[name] ?? 0) && isSealed(segment) && !doomed.includes(segment.id);
  const next = segmentsOf(state).find(isNext);
  if (next === undefined || collector.bringing[name] === next.id) return undefined;
  const looks = sink.doubts || next.id <= (collector.looks[name] ?? 0);
  const took: Sink = {
    ...sink,
    has: taken(sink.has, next.events, looks),
    told: [...sink.told, ...next.losses],
    last: next,
  };
  return {
    ...state,
    sinks: { ...state.sinks, [name]: took },
    collector: { ...collector, bringing: { ...collector.bringing, [name]: next.id } },
  };
}

function taken(had: Sink['has'], events: readonly number[], looks: boolean): Sink['has'] {
  const has = { ...had };
  for (const sequence of events) if (!looks || (has[sequence] ?? 0) === 0) has[sequence] = (has[sequence] ?? 0) + 1;
  return has;
}

/** What the sink has is noted, durably (src/spool/cursors.ts). */
export function advance(state: State, name: string): State | undefined {
  const { collector, disk } = state;
  const id = collector?.bringing[name];
  if (collector === undefined || id === undefined || id <= (disk.cursors[name] ?? 0)) return undefined;
  return { ...state, disk: { ...disk, cursors: { ...disk.cursors, [name]: id } } };
}

/** The oldest segment goes, which everybody has who is waited for (src/spool/sealed.ts removable()). */
export function trim(state: State): State | undefined {
  const { collector, disk } = state;
  const sealed = segmentsOf(state).filter(isSealed);
  const [oldest] = sealed;
  if (collector === undefined || oldest === undefined || sealed.length <= STAY || collector.known.length === 0) return undefined;
  if (collector.known.some((name) => (disk.cursors[name] ?? 0) < oldest.id)) return undefined;
  const memory = { ...disk.memory, sealed: without(disk.memory.sealed, oldest.id) };
  return { ...state, disk: { ...disk, memory, segments: without(disk.segments, oldest.id) } };
}

/** Too much waits: the oldest segment is to be dropped. That is noted first, durably. */
export function drop(state: State): State | undefined {
  const { collector, disk } = state;
  const sealed = segmentsOf(state).filter(isSealed);
  const [oldest] = sealed;
  if (collector === undefined || oldest === undefined || sealed.length <= WAIT || disk.notes.length > 0) return undefined;
  const lacking = collector.known.filter((name) => (disk.cursors[name] ?? 0) < oldest.id);
  if (lacking.length === 0 || lacking.some((name) => collector.bringing[name] === oldest.id)) return undefined;
  const loss: Loss = { id: `drop:${oldest.id}`, events: oldest.events };
  return { ...state, disk: { ...disk, notes: [{ loss, remove: [oldest.id] }] } };
}

/** What a note announces is done. */
export function remove(state: State): State | undefined {
  const { collector, disk } = state;
  const id = disk.notes.flatMap((note) => note.remove).find((one) => one in disk.segments);
  if (collector === undefined || id === undefined) return undefined;
  const memory = { ...disk.memory, sealed: without(disk.memory.sealed, id) };
  return { ...state, disk: { ...disk, memory, segments: without(disk.segments, id) } };
}

/** The record of a noted loss is written and durable, unless it stands in the spool already. The note is there still. */
export function tell(state: State): State | undefined {
  const { collector, disk } = state;
  const [note] = disk.notes;
  if (collector === undefined || note === undefined || note.remove.some((id) => id in disk.segments) || isTold(state)) return undefined;
  // A run ends before: segments are brought in the order of their ids.
  if (collector.open.length > 0) return undefined;
  const id = collector.nextId;
  const now: Segment = { id, kind: 'loss', events: [], losses: [note.loss], position: collector.durable };
  const segments = { ...disk.segments, [id]: { now, kept: now } };
  return {
    ...state,
    disk: { ...disk, segments, memory: remembered(disk.memory, now) },
    collector: { ...collector, nextId: id + 1, told: true },
  };
}

/** The note goes. */
export function settle(state: State): State | undefined {
  const { collector, disk } = state;
  if (collector === undefined || disk.notes.length === 0 || !isTold(state)) return undefined;
  return { ...state, disk: { ...disk, notes: disk.notes.slice(1) }, collector: { ...collector, told: false } };
}

/** Whether the loss of the first note is told: this process knows that it did; a later one looks its identity up in the spool. */
function isTold(state: State): boolean {
  const [note] = state.disk.notes;
  if (state.collector?.told === true) return true;
  return state.mends.identity && segmentsOf(state).some(({ losses }) => losses.some(({ id }) => id === note?.loss.id));
}

/** The capture has let go of events that are not in the spool: an older copy of the disk was put back. It says so at a new session (src/collector/receiver.ts). */
export function skip(state: State): State | undefined {
  const { collector, disk } = state;
  const from = (collector?.written ?? 0) + 1;
  const to = state.acknowledged;
  if (collector === undefined || from > to || collector.open.length > 0) return undefined;
  const events = Array.from({ length: to - from + 1 }, (_, i) => from + i);
  const notes = [...disk.notes, { loss: { id: `skip:${from}-${to}`, events }, remove: [] }];
  const memory = { ...disk.memory, accounted: to };
  return { ...state, disk: { ...disk, notes, memory }, collector: { ...collector, written: to, durable: to } };
}
