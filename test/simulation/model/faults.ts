import { type Disk, type File, type State, segmentsOf, without, withSink } from './state.js';

/* What may come between any two steps. Each takes a state to the next one; undefined: it cannot happen now. */

/** The collector dies, and the session with it. */
export function die(state: State): State {
  const ended = Object.keys(state.collector?.bringing ?? {}).reduce(unsure, state);
  return { ...ended, session: undefined, collector: undefined };
}

/** The sink has what it was brought last, and nobody may come to know of that. */
function unsure(state: State, name: string): State {
  return withSink(state, name, (sink) => ({ ...sink, unsure: [...sink.unsure, ...(sink.last?.events ?? [])] }));
}

/** The power goes. Of what was not synced `stays(id)` events of each file stay: a file system keeps the order within a file, and none between files. */
export function cut(state: State, stays: (id: number) => number): State {
  const files = Object.values(state.disk.segments).flatMap(({ now, kept }): [number, File][] => {
    const events = now.events.slice(0, (kept?.events.length ?? 0) + stays(now.id));
    const left = kept?.position === undefined ? { ...now, events } : kept;
    return kept === undefined && events.length === 0 ? [] : [[now.id, { now: left, kept: left }]];
  });
  return { ...die(state), disk: { ...state.disk, segments: Object.fromEntries(files) } };
}

/** A write, a sync or a footer fails (EIO, ENOSPC): the run is closed, whoever waits is told, and the session ends (src/spool/spool.ts onFailure()). */
export function fail(state: State): State | undefined {
  const { collector } = state;
  if (collector === undefined || collector.broken) return undefined;
  return { ...state, session: undefined, collector: { ...collector, open: [], sealing: false, broken: true, written: collector.durable } };
}

/** An earlier copy of the disk is put back: with the cursors of then, beside those of now (`left`), or without any. */
export function restore(state: State, { segments, ...copy }: Disk, cursors: 'copied' | 'left' | 'none'): State {
  const files = Object.entries(segments).map(([id, { now }]): [string, File] => [id, { now, kept: now }]);
  const of: Readonly<Record<typeof cursors, Disk['cursors']>> = { copied: copy.cursors, left: state.disk.cursors, none: {} };
  return { ...die(state), disk: { ...copy, segments: Object.fromEntries(files), cursors: of[cursors] } };
}

/** Somebody removes the newest segments, while no collector runs. */
export function removeNewest(state: State, count: number): State | undefined {
  const { collector, disk } = state;
  const taken = segmentsOf(disk).slice(-count);
  if (collector !== undefined || taken.length === 0) return undefined;
  const unsealed = taken.filter(({ id }) => !(id in disk.memory.sealed)).flatMap(({ events }) => events);
  const promised = Math.min(disk.promised, ...unsealed.map((event) => event - 1));
  return {
    ...state,
    disk: {
      ...disk,
      promised,
      segments: without(
        disk.segments,
        taken.map(({ id }) => id),
      ),
    },
  };
}

/** A sink is configured, or not, from the next start on; the collector ends for that. */
export function switchTo(state: State, name: string, on: boolean): State | undefined {
  return state.sinks[name]?.on === on
    ? undefined
    : withSink(die(state), name, (sink) => ({ ...sink, on, since: on ? state.disk.promised : sink.since }));
}

/** A sink takes nothing, or something again. */
export function goes(state: State, name: string, away: boolean): State {
  return withSink(state, name, (sink) => ({ ...sink, away }));
}

/** A sink's answer is lost: it is brought the segment again, and looks itself (src/sink/pump.ts makeReady()). */
export function loseAnswer(state: State, name: string): State | undefined {
  const { collector } = state;
  const { [name]: now, ...bringing } = collector?.bringing ?? {};
  if (collector === undefined || now === undefined || now.heard) return undefined;
  const looks = { ...collector.looks, [name]: Math.max(collector.looks[name] ?? 0, now.id) };
  return { ...unsure(state, name), collector: { ...collector, bringing, looks } };
}

/** A sink loses an event that it had, and does not know. */
export function forget(state: State, name: string, nth: number): State | undefined {
  const had = Object.keys(state.sinks[name]?.has ?? {}).map(Number);
  const event = had[nth % Math.max(1, had.length)];
  if (event === undefined) return undefined;
  return withSink(state, name, (sink) => ({ ...sink, has: without(sink.has, [event]), forgot: [...sink.forgot, event] }));
}

/** The capture ends, and its journal is gone: the next one begins an epoch. */
export function loseJournal(state: State): State {
  const { epochs, made, ...capture } = state.capture;
  const first = made.length + 1;
  return { ...state, session: undefined, capture: { ...capture, made: [...made, 'control'], epochs: [...epochs, first], oldest: first } };
}

/** The connection between the two breaks. */
export function hangUp(state: State): State | undefined {
  return state.session === undefined ? undefined : { ...state, session: undefined };
}

/** The disk has no more room, or some again. */
export function fill(state: State, full: boolean): State {
  return { ...state, full };
}
