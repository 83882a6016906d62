import { start } from './start.js';
import { type Loss, SINKS, type Sink, type State } from './state.js';
import { advance, bring, register, remove, seal, settle, skip, sync, tell, trim, write } from './steps.js';

/** What must be so after every step; a sentence for each that is not. */
export function broken(state: State): string[] {
  const found: string[] = [];
  const { collector, disk } = state;
  // What was let go of is durable, or went in a way that is told: it is not after a file was removed and before the next start.
  if (collector !== undefined) {
    const kept = new Set(Object.values(disk.segments).flatMap((file) => file.kept?.events ?? []));
    for (let sequence = disk.memory.accounted + 1; sequence <= state.acknowledged; sequence++)
      if (!kept.has(sequence) && !isBehind(state, sequence) && sequence > collector.durable)
        found.push(`The capture has let go of ${sequence}, which is not durable.`);
    if (state.mends.ids && collector.nextId <= disk.memory.newest) found.push(`Id ${collector.nextId} is given a second time.`);
  }
  return found;
}

/** The capture will say that it has it no more. */
function isBehind({ collector, acknowledged }: State, sequence: number): boolean {
  return collector !== undefined && sequence > collector.written && sequence <= acknowledged;
}

/** Everything works again, all sinks are on, and everybody does what he can until nothing is left to do. */
export function rested(state: State): State {
  const on = Object.fromEntries(Object.entries(state.sinks).map(([name, sink]): [string, Sink] => [name, { ...sink, on: true }]));
  let now: State = { ...state, collector: undefined, sinks: on };
  for (let turn = 0; ; turn++) {
    if (turn > 10_000) throw new Error('It does not come to rest.');
    const next =
      start(now) ??
      skip(now) ??
      first(now, register) ??
      write(now) ??
      sync(now) ??
      seal(now) ??
      remove(now) ??
      tell(now) ??
      settle(now) ??
      first(now, advance) ??
      first(now, bring) ??
      trim(now);
    if (next === undefined) return now;
    now = next;
  }
}

function first(state: State, step: (state: State, name: string) => State | undefined): State | undefined {
  for (const name of SINKS) {
    const next = step(state, name);
    if (next !== undefined) return next;
  }
  return undefined;
}

/** What is wrong at the end, a sentence each. `exact`: nothing may be told as lost that a sink has. */
export function wrongAtRest(state: State, exact: boolean): string[] {
  const found: string[] = [];
  for (const name of SINKS) {
    const sink = state.sinks[name];
    if (sink === undefined) continue;
    const told = countedOnce(sink.told, state.mends.identity).filter((loss) => loss.sink === undefined || loss.sink === name);
    for (let sequence = 1; sequence <= state.made.length; sequence++) {
      const copies = sink.has[sequence] ?? 0;
      const named = told.filter(({ events }) => events.includes(sequence)).length;
      if (copies > 1) found.push(`${name} has ${sequence} ${copies} times.`);
      const isKnown = named > 0 || sink.before.includes(sequence) || state.removed.some(({ events }) => events.includes(sequence));
      if (copies === 0 && !isKnown) found.push(`${name} has not ${sequence}, and nothing tells of that.`);
      if (named > 1) found.push(`${sequence} is told as lost ${named} times.`);
      // Of what one sink lacks and the other has, the record speaks to both.
      const sinks = Object.values(state.sinks);
      const isSurelyThere = sinks.every(({ has, unsure }) => (has[sequence] ?? 0) > 0 && !unsure.includes(sequence));
      if (exact && named > 0 && isSurelyThere) found.push(`${sequence} is told as lost, and everybody has it.`);
    }
  }
  return found;
}

/** Of several records of one loss one. */
function countedOnce(losses: readonly Loss[], identity: boolean): readonly Loss[] {
  if (!identity) return losses;
  return losses.filter(({ id }, i) => losses.findIndex((one) => one.id === id) === i);
}
