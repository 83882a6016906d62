import { type Disk, type Sink, type State, without } from './state.js';

/* What may happen between any two steps. */

/** The collector dies. */
export function crash(state: State): State {
  const sinks = Object.entries(state.sinks).map(([name, sink]): [string, Sink] => {
    const id = state.collector?.bringing[name] ?? 0;
    const noted = id <= (state.disk.cursors[name] ?? 0);
    return [name, noted ? sink : { ...sink, unsure: [...sink.unsure, ...(sink.last?.events ?? [])] }];
  });
  return { ...state, sinks: Object.fromEntries(sinks), collector: undefined };
}

/** The power goes: of what was not synced each file is as it was at the last sync, or as it was written, which `stays` decides. */
export function cut(state: State, stays: (id: number) => boolean): State {
  let { segments } = state.disk;
  for (const { now, kept } of Object.values(segments)) {
    if (stays(now.id)) segments = { ...segments, [now.id]: { now, kept: now } };
    else if (kept === undefined) segments = without(segments, now.id);
    else segments = { ...segments, [now.id]: { now: kept, kept } };
  }
  return { ...crash(state), disk: { ...state.disk, segments } };
}

/** An earlier copy of the whole disk is put back. */
export function restore(state: State, copy: Disk): State {
  return { ...crash(state), disk: copy };
}

/** Somebody removes the newest segments, while no collector runs. */
export function removeNewest(state: State, count: number): State | undefined {
  if (state.collector !== undefined) return undefined;
  const ids = Object.keys(state.disk.segments).map(Number).slice(-count);
  const losses = ids.flatMap((id) => state.disk.segments[id]?.now.losses ?? []);
  return { ...state, removed: [...state.removed, ...losses], disk: { ...state.disk, segments: ids.reduce(without, state.disk.segments) } };
}

/** A sink is configured, or not, from the next start on; the collector is stopped for that. */
export function switched(state: State, name: string, on: boolean): State | undefined {
  const ended = crash(state);
  const sink = ended.sinks[name];
  if (sink === undefined || sink.on === on) return undefined;
  return { ...ended, sinks: { ...ended.sinks, [name]: { ...sink, on } } };
}
