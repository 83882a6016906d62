import {
  type Disk,
  type File,
  isSealed,
  type Kind,
  type Loss,
  type Memory,
  most,
  type Segment,
  type State,
  segmentsOf,
  without,
  withSink,
} from './state.js';

/* What the collector does on its disk. Each step takes a state to the next one; undefined: it cannot happen now. */

/** So many segments stay that every sink has: `spool.max_segments`. */
const STAY = 2;
/** So many wait for a sink before the oldest is dropped: `spool.backlog_bytes` with `spool.when_full = "drop-oldest"`. */
const WAIT = 4;

/** The next event that came is written, into the open segment of its record type; nothing is durable yet (src/spool/spool.ts writeGroup()). */
export function write(state: State): State | undefined {
  const { capture, collector, disk, session } = state;
  if (collector === undefined || collector.broken || collector.sealing || state.full) return undefined;
  if (collector.written >= (session?.sent ?? 0)) return undefined;
  const sequence = collector.written + 1;
  const kind: Kind = capture.made[sequence - 1] ?? 'conn';
  const had = collector.open.map((id) => disk.segments[id]).find((file) => file?.now.kind === kind);
  const id = had?.now.id ?? collector.nextId;
  const before: Segment = had?.now ?? { id, kind, events: [], losses: [], position: undefined };
  const file: File = { now: { ...before, events: [...before.events, sequence] }, kept: had?.kept };
  const opened = had === undefined ? { open: [...collector.open, id], nextId: id + 1 } : {};
  return {
    ...state,
    disk: { ...disk, segments: { ...disk.segments, [id]: file } },
    collector: { ...collector, ...opened, written: sequence },
  };
}

/** What is written becomes durable (spool.ts sync(), settle()). */
export function sync(state: State): State | undefined {
  const { collector } = state;
  if (collector === undefined || collector.broken || collector.durable === collector.written) return undefined;
  return { ...state, disk: synced(state.disk, collector.open), collector: { ...collector, durable: collector.written } };
}

function synced(disk: Disk, ids: readonly number[]): Disk {
  const files = ids.flatMap((id) => disk.segments[id] ?? []).map(({ now }): [number, File] => [now.id, { now, kept: now }]);
  return { ...disk, segments: { ...disk.segments, ...Object.fromEntries(files) } };
}

/** The oldest open segment, conn or control, gets its footer, durably, after all of its run were synced. The other follows; a death may come between (spool.ts sealWriters()). */
export function seal(state: State): State | undefined {
  const { collector, mends } = state;
  const [id] = collector?.open ?? [];
  if (collector === undefined || id === undefined || state.full) return undefined;
  const disk = synced(state.disk, mends.ownPositions ? collector.open : [id]);
  const file = disk.segments[id];
  if (file === undefined) return undefined;
  const others = collector.open.slice(1).flatMap((other) => disk.segments[other]?.now.events ?? []);
  // The last speaks of all that is written, the one before only of what comes before the other's (src/spool/run.ts withPositions()).
  const own = Math.min(most(...file.now.events), ...others.map((sequence) => sequence - 1));
  const isLast = collector.open.length === 1;
  const now: Segment = { ...file.now, position: isLast || !mends.ownPositions ? collector.written : own };
  const open = collector.open.slice(1);
  return {
    ...added({ ...state, disk }, now),
    collector: { ...collector, open, sealing: !isLast, durable: isLast ? collector.written : collector.durable },
  };
}

/** A state with one sealed segment more, durably. */
function added(state: State, now: Segment): State {
  const { disk } = state;
  return {
    ...state,
    disk: { ...disk, segments: { ...disk.segments, [now.id]: { now, kept: now } }, memory: remembered(disk.memory, now) },
  };
}

/** What is remembered of a segment once it is sealed (src/spool/state.ts withSealed()). */
export function remembered(memory: Memory, segment: Segment): Memory {
  return { ...memory, newest: most(memory.newest, segment.id), sealed: { ...memory.sealed, [segment.id]: segment } };
}

/** Removes segments, and does not miss them (src/spool/recover.ts removeSegment(), state.ts withoutSegment()). */
export function removed(disk: Disk, ids: readonly number[]): Disk {
  return { ...disk, segments: without(disk.segments, ids), memory: { ...disk.memory, sealed: without(disk.memory.sealed, ids) } };
}

/** The oldest segment goes, when all have it who are waited for. The newest stays: it says where the log is (src/spool/sealed.ts removable()). */
export function trim(state: State): State | undefined {
  const { collector, disk, full } = state;
  const [oldest, ...rest] = segmentsOf(disk).filter(isSealed);
  if (collector === undefined || oldest === undefined || rest.length < (full ? 1 : STAY) || collector.known.length === 0) return undefined;
  if (collector.known.some((name) => (disk.cursors[name]?.id ?? 0) < oldest.id)) return undefined;
  return { ...state, disk: removed(disk, [oldest.id]) };
}

/** Too much waits, or the disk is full: the oldest segment is to be dropped, with what it may tell of losses. That is noted first, durably (spool.ts dropOldest(), src/spool/dropped.ts). */
export function drop(state: State): State | undefined {
  const { collector, disk, full, identities } = state;
  const [oldest, ...rest] = segmentsOf(disk).filter(isSealed);
  if (collector === undefined || oldest === undefined || rest.length < (full ? 1 : WAIT) || disk.notes.length > 0) return undefined;
  if (!collector.known.some((name) => (disk.cursors[name]?.id ?? 0) < oldest.id)) return undefined;
  const fresh: Loss[] = oldest.events.length === 0 ? [] : [{ id: `drop:${identities}`, events: oldest.events }];
  const next: State = {
    ...state,
    identities: identities + 1,
    disk: { ...disk, notes: [{ losses: [...oldest.losses, ...fresh], remove: [oldest.id] }] },
  };
  // A sink that is being brought it may get it: nobody knows.
  return collector.known
    .filter((name) => collector.bringing[name]?.id === oldest.id)
    .reduce((now, name) => withSink(now, name, (sink) => ({ ...sink, unsure: [...sink.unsure, ...oldest.events] })), next);
}

/** What a note announces is done (spool.ts doNoted()). */
export function remove(state: State): State | undefined {
  const { collector, disk } = state;
  const id = disk.notes.flatMap((note) => note.remove).find((one) => one in disk.segments);
  return collector === undefined || id === undefined ? undefined : { ...state, disk: removed(disk, [id]) };
}

/** The records of the oldest note are written, durably, as far as the spool has them not. The note is there still (spool.ts tellNotes(), tell()). */
export function tell(state: State): State | undefined {
  const { collector, disk, full } = state;
  const [note] = disk.notes;
  if (collector === undefined || collector.broken || full || note === undefined || isTold(state)) return undefined;
  // A run ends before: segments are brought in the order of their ids.
  if (note.remove.some((id) => id in disk.segments) || collector.open.length > 0) return undefined;
  const id = collector.nextId;
  const now: Segment = { id, kind: 'loss', events: [], losses: untold(state), position: collector.durable };
  return { ...added(state, now), collector: { ...collector, nextId: id + 1, told: true } };
}

/** The note goes (src/spool/loss-ledger.ts settle()). */
export function settle(state: State): State | undefined {
  const { collector, disk } = state;
  if (collector === undefined || disk.notes.length === 0 || !isTold(state)) return undefined;
  return { ...state, disk: { ...disk, notes: disk.notes.slice(1) }, collector: { ...collector, told: false } };
}

/** Whether the losses of the first note are told: this process knows that it did; a later one looks their identities up in the spool. */
function isTold(state: State): boolean {
  return state.collector?.told === true || untold(state).length === 0;
}

/** Losses of the first note that no record in the spool tells. */
function untold({ disk, mends }: State): Loss[] {
  const records = segmentsOf(disk).flatMap(({ losses }) => losses);
  const isThere = (loss: Loss): boolean =>
    records.some(({ id, events }) => id === loss.id && loss.events.every((event) => events.includes(event)));
  return (disk.notes[0]?.losses ?? []).filter((loss) => !mends.identity || !isThere(loss));
}
