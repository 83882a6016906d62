import { between, type Kind, type Loss, most, type State } from './state.js';

/* What the capture does, and the socket. Each step takes a state to the next one; undefined: it cannot happen now. */

/** The capture records an event, in its journal (native/wire/journal.cc). */
export function make(state: State, kind: Kind): State {
  return { ...state, capture: { ...state.capture, made: [...state.capture.made, kind] } };
}

/**
 * The collector asks for what follows its last durable event (src/collector/receiver.ts session()), which acknowledges that. What the journal has no more is a loss whose number is
 * known; of an epoch that ended without the collector having its end nobody knows how much there was.
 */
export function connect(state: State): State | undefined {
  const { capture, collector, disk, session } = state;
  if (collector === undefined || collector.broken || session !== undefined || collector.durable < collector.written) return undefined;
  const has = collector.durable;
  const begun = capture.epochs.at(-1) ?? 1;
  const epoch = capture.epochs.filter((first) => first <= has).length;
  const isOld = has < begun && has > 0;
  const from = most(has, begun - 1);
  const lost: Loss[] = [
    ...(isOld ? [{ id: `journal:${epoch}:end`, events: between(has, begun - 1), unknown: true }] : []),
    ...(capture.oldest > from + 1 ? [{ id: `journal:${from + 1}-${capture.oldest - 1}`, events: between(from, capture.oldest - 1) }] : []),
  ];
  // A gap ends the run: what is open is sealed before.
  if (lost.length > 0 && (collector.open.length > 0 || state.full)) return undefined;
  const next = most(from, capture.oldest - 1);
  const memory = next > has ? { ...disk.memory, accounted: next } : disk.memory;
  const notes = lost.length > 0 ? [...disk.notes, { losses: lost, remove: [] }] : disk.notes;
  return {
    ...state,
    capture: { ...capture, acknowledged: most(capture.acknowledged, has) },
    session: { sent: next, acknowledged: has },
    disk: { ...disk, memory, notes, promised: most(disk.promised, has) },
    collector: { ...collector, written: next, durable: next },
    unheard: has === 0 ? [...state.unheard, ...between(0, begun - 1)] : state.unheard,
  };
}

/** The capture sends the next event of its journal (native/wire/server.cc). */
export function send(state: State): State | undefined {
  const { capture, session } = state;
  if (session === undefined || session.sent >= capture.made.length) return undefined;
  return { ...state, session: { ...session, sent: session.sent + 1 } };
}

/** The collector acknowledges what is durable (receiver.ts flush()). */
export function acknowledge(state: State): State | undefined {
  const { collector, disk, session } = state;
  if (collector === undefined || session === undefined || session.acknowledged >= collector.durable) return undefined;
  const { durable } = collector;
  return { ...state, session: { ...session, acknowledged: durable }, disk: { ...disk, promised: most(disk.promised, durable) } };
}

/** The capture hears that (native/wire/journal.cc acknowledge). */
export function hear(state: State): State | undefined {
  const { capture, session } = state;
  if (session === undefined || session.acknowledged <= capture.acknowledged) return undefined;
  return { ...state, capture: { ...capture, acknowledged: session.acknowledged } };
}

/** The journal needs room: its oldest event goes, which was acknowledged. */
export function release(state: State): State | undefined {
  const { capture } = state;
  if (capture.oldest > capture.acknowledged) return undefined;
  return { ...state, capture: { ...capture, oldest: capture.oldest + 1 } };
}
