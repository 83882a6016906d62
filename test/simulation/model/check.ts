import { acknowledge, connect, hear, release, send } from './capture.js';
import { advance, answer, bring, register } from './delivery.js';
import { remove, seal, settle, sync, tell, trim, write } from './spool.js';
import { repair, start } from './start.js';
import { between, type Loss, SINKS, type Sink, type State, segmentsOf } from './state.js';

/** What must be so after every step; a sentence for each that is not. */
export function broken(state: State): string[] {
  const found: string[] = [];
  const { capture, collector, disk } = state;
  const records = [...Object.values(disk.segments).flatMap(({ kept }) => kept ?? []), ...Object.values(disk.memory.sealed)];
  const losses = [...records.flatMap((one) => one.losses), ...disk.notes.flatMap((note) => note.losses)];
  const there = new Set([...records, ...losses].flatMap(({ events }) => events));
  const has = (event: number, name: string): boolean => {
    const { has: copies = {}, forgot = [], since = 0 } = state.sinks[name] ?? {};
    const isLate = event <= since && disk.cursors[name]?.lacks.some(({ events }) => events.includes(event)) === true;
    return event in copies || forgot.includes(event) || isLate;
  };
  const isEverywhere = (event: number): boolean => SINKS.every((name) => !(name in disk.cursors) || has(event, name));
  // What is told was told before, and may have been removed since.
  const told = new Set(Object.values(state.sinks).flatMap((sink) => sink.told.flatMap(({ events }) => events)));
  for (const event of between(disk.memory.accounted, disk.promised).filter((one) => !state.unheard.includes(one)))
    if (!there.has(event) && !told.has(event) && !isEverywhere(event))
      found.push(`${event} was acknowledged, and is neither durable nor told as lost.`);
  if (capture.oldest > capture.acknowledged + 1 && capture.oldest > (capture.epochs.at(-1) ?? 1))
    found.push(`The journal let go of ${capture.oldest - 1}, which was not acknowledged.`);
  if (collector === undefined) return found;
  // Without that mend what comes of it is to be seen.
  if (state.mends.ids && collector.nextId <= Math.max(disk.memory.newest, ...Object.values(disk.cursors).map(({ id }) => id)))
    found.push(`Id ${collector.nextId} is given a second time.`);
  for (const name of collector.known) {
    const sink = state.sinks[name];
    const { id: upTo = 0, lacks = [] } = disk.cursors[name] ?? {};
    const known = new Set([...(sink?.forgot ?? []), ...lacks.flatMap((loss) => loss.events)]);
    const doomed = disk.notes.flatMap((note) => note.remove);
    const passed = segmentsOf(disk).filter(({ id }) => id <= upTo && !doomed.includes(id));
    for (const event of passed.flatMap((segment) => segment.events))
      if (!(event in (sink?.has ?? {})) && !known.has(event))
        found.push(`The cursor of ${name} says that it has ${event}, which it never had.`);
  }
  return found;
}

/** Everything works again, all sinks are on and here, and everybody does what he can until nothing is left to do. */
export function rested(state: State): State {
  const sinks = Object.entries(state.sinks).map(([name, sink]): [string, Sink] => [name, { ...sink, on: true, away: false }]);
  const known = Object.keys(state.collector?.bringing ?? {});
  const unsure = sinks.map(([name, sink]): [string, Sink] => [
    name,
    known.includes(name) ? { ...sink, unsure: [...sink.unsure, ...(sink.last?.events ?? [])] } : sink,
  ]);
  let now: State = { ...state, full: false, session: undefined, collector: undefined, sinks: Object.fromEntries(unsure) };
  const ofAny = (step: (state: State, name: string) => State | undefined) => (): State | undefined =>
    SINKS.reduce<State | undefined>((done, name) => done ?? step(now, name), undefined);
  const steps = [start, repair, sync, connect, ofAny(register), send, write, acknowledge, hear, release, seal, remove, tell, settle];
  const all = [...steps, ofAny(advance), ofAny(answer), ofAny(bring), trim];
  for (let turn = 0; turn < 10_000; turn++) {
    const next = all.reduce<State | undefined>((done, step) => done ?? step(now), undefined);
    if (next === undefined) return now;
    now = next;
  }
  throw new Error('It does not come to rest.');
}

/** What is wrong at the end, a sentence each. `exact`: nothing may be told as lost that every sink has, or twice; an older copy of the disk does not know what was told since. */
export function wrongAtRest(state: State, exact: boolean): string[] {
  const found: string[] = [];
  const sinks = Object.values(state.sinks);
  const isSurelyThere = (event: number): boolean => sinks.every(({ has, unsure }) => event in has && !unsure.includes(event));
  let isWhole = true;
  let isProvable = true;
  for (const name of SINKS) {
    const sink = state.sinks[name];
    if (sink === undefined) continue;
    const records = [...sink.told, ...(state.disk.cursors[name]?.lacks ?? [])];
    const own = countedOnce(records, state.mends.identity).filter((loss) => loss.sink === undefined || loss.sink === name);
    if (records.length > 0) isWhole = false;
    for (const event of between(0, state.capture.made.length)) {
      const copies = sink.has[event] ?? 0;
      const of = own.filter(({ events }) => events.includes(event));
      const named = of.filter(({ unknown }) => unknown !== true).length;
      const isExcused = sink.forgot.includes(event) || state.unheard.includes(event);
      if (copies > 1) found.push(`${name} has ${event} ${copies} times.`);
      if (copies === 0 && of.length === 0 && !isExcused) found.push(`${name} has not ${event}, and nothing tells of that.`);
      if (exact && named > 1) found.push(`${event} is told as lost ${named} times.`);
      // Of what one sink lacks and the other has, the record speaks to both.
      if (exact && named > 0 && isSurelyThere(event)) found.push(`${event} is told as lost, and everybody has it.`);
      if (copies !== 1 && !state.unheard.includes(event)) {
        isWhole = false;
        // A topic is asked for what the spool has, and nothing keeps what it was given before.
        if (of.length === 0 && copies === 0 && !isAsked(state, name, event)) isProvable = false;
      }
    }
  }
  const says = verified(state);
  if (says.length === 0 && !isWhole && isProvable) found.push('Something is missing or there twice, and verify says complete.');
  if (says.length > 0 && isWhole) found.push(`Nothing is missing, and verify says: ${says[0]}`);
  return found;
}

/** Whether verify asks a sink for an event. */
function isAsked(state: State, name: string, event: number): boolean {
  return name === 'store' || segmentsOf(state.disk).some(({ events }) => events.includes(event));
}

/** What verify says, a sentence each, from nothing but the spool, its memory, its cursors, and what the sinks answer; none: complete (src/api/verification.ts). */
export function verified(state: State): string[] {
  const { collector, disk, sinks, unheard } = state;
  const found: string[] = [];
  const losses = [...segmentsOf(disk), ...disk.notes].flatMap((one) => one.losses);
  const events = segmentsOf(disk).flatMap((one) => one.events);
  if (losses.length > 0) found.push(`The log tells of losses: ${losses[0]?.id}.`);
  // What the oldest one's footer speaks of may have been beside it, and gone before it.
  const from = segmentsOf(disk)[0]?.position ?? collector?.durable ?? 0;
  for (const event of between(from, collector?.durable ?? 0)) if (!events.includes(event)) found.push(`${event} is missing in the spool.`);
  for (const [name, { has, told }] of Object.entries(sinks)) {
    if (told.length > 0) found.push(`${name} has records of losses: ${told[0]?.id}.`);
    const lacks = disk.cursors[name]?.lacks ?? [];
    if (lacks.length > 0) found.push(`${name} lacks what was gone before it had it: ${lacks[0]?.id}.`);
    for (const event of between(0, collector?.durable ?? 0))
      if (isAsked(state, name, event) && !unheard.includes(event) && has[event] !== 1)
        found.push(`${name} has ${event} ${has[event] ?? 0} times.`);
  }
  return found;
}

/** Of several records of one loss the one that says most. */
function countedOnce(losses: readonly Loss[], identity: boolean): readonly Loss[] {
  if (!identity) return losses;
  const named = new Map<string, Loss>();
  for (const loss of losses) {
    const { id, events, unknown } = loss;
    const had = named.get(id);
    if (had === undefined || (unknown !== true && had.events.length < events.length)) named.set(id, loss);
    // How much there was after an epoch's last known event nobody knows: all of it.
    else if (unknown === true) named.set(id, { ...had, unknown, events: [...had.events, ...events] });
  }
  return [...named.values()];
}
