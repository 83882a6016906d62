import { nearest } from '../config/nearest.js';
import { duration } from '../config/option.js';
import { BadValue, parseValue } from '../config/value.js';
import { OF_STATE, OUTCOMES, type Outcome, outcomeOf } from '../outcome/outcome.js';
import type { Place } from '../wire/conn-filter.js';
import type { EventFilter, NumberField, NumberRange, PlaceField } from '../wire/event-filter.js';
import { v1 } from '../wire/proto.js';
import { parseAddress } from './address.js';
import { protocolNumber } from './event.js';
import { PLACE_FORMS, parsePlaces, parseServiceFilter, SERVICE_FILTER_FORMS } from './place.js';
import { stateNames } from './states.js';

/** A value that a field cannot have; the message is the end of a sentence: `it must be ...`. */
export class NoSuchValue extends Error {
  override readonly name = 'NoSuchValue';
}

/** A field as people write it: `client`, `reason`. */
export interface EventFieldWord {
  readonly doc: string;
  /** It has an order, so that < and > mean something. */
  readonly ordered: boolean;
  /** It is written alone and means that it holds: `template`. */
  readonly flag: boolean;
  /** The test that the field is one of these. Throws NoSuchValue. */
  isOneOf(values: readonly string[]): EventFilter;
  /** The number that a value stands for, of an ordered field. Throws NoSuchValue. */
  number(value: string): bigint;
}

const PROTOCOLS_WITH_STATES = [6, 17, 132];
const AGE = duration({ default: 0, min: 0, max: 366 * 86_400_000, doc: '', flag: '', commands: [] });
const NANOSECONDS = 1_000_000n;

const exactly = (number: bigint | number): NumberRange => [BigInt(number), BigInt(number)];

function words(values: object, except: string): string[] {
  return Object.keys(values).filter((name) => name !== except && !/^\d+$/.test(name));
}

function noNumber(): never {
  throw new NoSuchValue('it has no order: compare it by =, != or in');
}

function place(field: PlaceField, doc: string): EventFieldWord {
  const read = (text: string): Place[] => {
    const found = parsePlaces(text);
    if (found !== undefined) return found;
    throw new NoSuchValue(`it must be ${PLACE_FORMS}`);
  };
  return { doc, ordered: false, flag: false, number: noNumber, isOneOf: (values) => ({ field, places: values.flatMap(read) }) };
}

/** Every IPv4 address. */
const IPV4: Place = { address: parseAddress('0.0.0.0') ?? new Uint8Array(16), prefix: 96, port: undefined };

/** Of the services of a mark; the family is that of the address which the client used, and a change of a service, which has none, passes. */
function markTest(mark: number, family: 4 | 6 | undefined): EventFilter {
  const marked: EventFilter = { field: 'fwmark', ranges: [exactly(BigInt(mark))] };
  if (family === undefined) return marked;
  const ipv4: EventFilter = { field: 'virtual_service', places: [IPV4] };
  const change: EventFilter = { none: { field: 'kind', ranges: [[0n, 255n]] } };
  return { all: [marked, family === 6 ? { none: ipv4 } : { any: [ipv4, change] }] };
}

/** A place, with a protocol before it perhaps, or a firewall mark. */
function service(doc: string): EventFieldWord {
  const read = (text: string): EventFilter => {
    const found = parseServiceFilter(text);
    if (found === undefined) throw new NoSuchValue(`it must be ${SERVICE_FILTER_FORMS}`);
    if (!('places' in found)) return markTest(found.mark, found.family);
    const at: EventFilter = { field: 'virtual_service', places: found.places };
    return found.protocol === undefined ? at : { all: [{ field: 'protocol', ranges: [exactly(found.protocol)] }, at] };
  };
  return {
    doc,
    ordered: false,
    flag: false,
    number: noNumber,
    isOneOf: (values) => {
      const tests = values.map(read);
      const [only] = tests;
      // Plain places stay one test.
      if (tests.every((test) => 'places' in test))
        return { field: 'virtual_service', places: tests.flatMap((test) => ('places' in test ? test.places : [])) };
      return tests.length === 1 && only !== undefined ? only : { any: tests };
    },
  };
}

function whole(field: NumberField, doc: string, most: bigint, read?: (text: string) => bigint | undefined): EventFieldWord {
  const number = (text: string): bigint => {
    const value = read === undefined ? (/^\d{1,20}$/.test(text) ? BigInt(text) : undefined) : read(text);
    if (value !== undefined && value <= most) return value;
    throw new NoSuchValue(read === undefined ? `it must be a whole number up to ${most}` : `it must be ${doc}`);
  };
  return { doc, ordered: true, flag: false, number, isOneOf: (values) => ({ field, ranges: values.map((text) => exactly(number(text))) }) };
}

function named(field: NumberField, doc: string, values: object, except: string): EventFieldWord {
  const known = words(values, except);
  const read = (text: string): NumberRange => {
    if (known.includes(text)) return exactly((values as Record<string, number>)[text] ?? 0);
    throw unknownWord(text, known);
  };
  return { doc, ordered: false, flag: false, number: noNumber, isOneOf: (texts) => ({ field, ranges: texts.map(read) }) };
}

function unknownWord(text: string, known: readonly string[]): NoSuchValue {
  const near = nearest(text, known);
  return new NoSuchValue(`it must be one of ${known.join(', ')}${near === undefined ? '' : `; did you mean ${near}?`}`);
}

function flag(field: NumberField, doc: string): EventFieldWord {
  const read = (text: string): NumberRange => {
    if (text === 'yes' || text === 'no') return exactly(text === 'yes' ? 1 : 0);
    throw new NoSuchValue('it must be yes or no');
  };
  return { doc, ordered: false, flag: true, number: noNumber, isOneOf: (texts) => ({ field, ranges: texts.map(read) }) };
}

/** Kinds are of connections or of changes: two fields of the wire, one word here. */
function kind(): EventFieldWord {
  const ofConns = words(v1.EventKind.Value, 'unspecified');
  const ofChanges = words(v1.ControlKind.Value, 'unspecified');
  return {
    doc: 'create, expire, nodest_drop, sched_fail, real_changed, knob_changed, ...',
    ordered: false,
    flag: false,
    number: noNumber,
    isOneOf: (texts) => {
      const wrong = texts.find((text) => !ofConns.includes(text) && !ofChanges.includes(text));
      if (wrong !== undefined) throw unknownWord(wrong, [...ofConns, ...ofChanges]);
      const ranges = (known: readonly string[], values: object): NumberRange[] =>
        texts.filter((text) => known.includes(text)).map((text) => exactly((values as Record<string, number>)[text] ?? 0));
      const tests: EventFilter[] = [
        { field: 'kind', ranges: ranges(ofConns, v1.EventKind.Value) } as const,
        { field: 'change', ranges: ranges(ofChanges, v1.ControlKind.Value) } as const,
      ].filter((test) => test.ranges.length > 0);
      return tests.length === 1 && tests[0] !== undefined ? tests[0] : { any: tests };
    },
  };
}

/** The same name is another number in another protocol. */
function state(): EventFieldWord {
  const known = [...new Set(PROTOCOLS_WITH_STATES.flatMap(stateNames))];
  return {
    doc: 'ESTABLISHED, FIN_WAIT, ... of TCP, UDP or SCTP',
    ordered: false,
    flag: false,
    number: noNumber,
    isOneOf: (texts) => {
      const upper = texts.map((text) => text.toUpperCase().replaceAll('-', '_'));
      const wrong = upper.find((text) => !known.includes(text));
      if (wrong !== undefined) throw unknownWord(wrong, known);
      const tests = PROTOCOLS_WITH_STATES.flatMap((protocol): EventFilter[] => {
        const ranges = stateNames(protocol).flatMap((name, number) => (upper.includes(name) ? [exactly(number)] : []));
        if (ranges.length === 0) return [];
        return [
          {
            all: [
              { field: 'protocol', ranges: [exactly(protocol)] },
              { field: 'is_template', ranges: [exactly(0)] },
              { field: 'state', ranges },
            ],
          },
        ];
      });
      return { any: tests };
    },
  };
}

/** What outcomeOf() says, as tests of what it is derived from. Only ends have one: an event of reason `none` passes none of them. */
function outcome(): EventFieldWord {
  const known = OUTCOMES.map(({ name }) => name).filter((name) => name !== 'open');
  const timeout: EventFilter = { field: 'reason', ranges: [exactly(v1.EndReason.Value.timeout)] };
  const states = (one: (typeof OF_STATE)[number]): EventFilter => ({
    all: [
      { field: 'protocol', ranges: [exactly(one.protocol)] },
      { field: 'state', ranges: one.states.map(exactly) },
    ],
  });
  const ofTimer = (name: Outcome): EventFilter[] => {
    const template: EventFilter = { field: 'is_template', ranges: [exactly(1)] };
    if (name === 'idle') return [{ all: [timeout, { any: [template, { none: { any: OF_STATE.map(states) } }] }] }];
    const some = OF_STATE.filter((one) => one.outcome === name).map(states);
    return some.length === 0 ? [] : [{ all: [timeout, { none: template }, { any: some }] }];
  };
  const ofReason = (name: Outcome): EventFilter[] => {
    const ranges = Object.values(v1.EndReason.Value).flatMap((reason) =>
      typeof reason === 'number' &&
      reason !== 0 &&
      outcomeOf({ reason, protocol: 0, state: 0, isTemplate: false }) === name &&
      reason !== v1.EndReason.Value.timeout
        ? [exactly(reason)]
        : [],
    );
    return ranges.length === 0 ? [] : [{ field: 'reason', ranges }];
  };
  return {
    doc: 'how it ended: closed, reset, idle, never_established, server_removed, ...',
    ordered: false,
    flag: false,
    number: noNumber,
    isOneOf: (texts) => {
      const words = texts.map((text) => known.find((name) => name === text.replaceAll(/[ -]/g, '_')) ?? text);
      const names = words.map((word) => known.find((name) => name === word));
      const at = names.indexOf(undefined);
      if (at >= 0) throw unknownWord(words[at] ?? '', known);
      return { any: names.flatMap((name) => (name === undefined ? [] : [...ofReason(name), ...ofTimer(name)])) };
    },
  };
}

function nanoseconds(text: string): bigint | undefined {
  try {
    return BigInt(Math.round(Number(parseValue(AGE, text)))) * NANOSECONDS;
  } catch (error) {
    if (error instanceof BadValue) return undefined;
    throw error;
  }
}

const U32 = 0xffff_ffffn;
const U64 = 0xffff_ffff_ffff_ffffn;

/** Every field that an event can be chosen by. */
export const EVENT_FIELDS: Readonly<Record<string, EventFieldWord>> = {
  client: place('client', 'address, network, address:port or :port'),
  vs: service('the virtual service, likewise, with a protocol perhaps, or "fwmark 7"'),
  rs: place('real', 'the real server, likewise'),
  kind: kind(),
  reason: named('reason', 'why it ended: timeout, nodest, flushed, ...', v1.EndReason.Value, 'none'),
  outcome: outcome(),
  protocol: whole('protocol', 'tcp, udp, sctp or a number from 0 to 255', 255n, (text) => {
    const number = protocolNumber(text);
    return number === undefined ? undefined : BigInt(number);
  }),
  state: state(),
  duration: whole('duration_ns', 'how long it lived: a time such as 500ms, 30s or 5m', U64, nanoseconds),
  weight: whole('weight', "the real server's weight then", U32),
  fwmark: whole('fwmark', 'the firewall mark of its service', U32),
  forward: named('forward', 'masq, local, tunnel, direct or bypass', v1.ForwardMethod.Value, ''),
  scheduled_by: named('scheduled_by', 'scheduler, persistence, sync or bypass', v1.ScheduledBy.Value, 'unknown'),
  template: flag('is_template', 'it is a persistence template'),
  quiesced: flag('quiesced', 'its real server had weight 0 then'),
  packets_in: whole('packets_in', 'from the client', U64),
  packets_out: whole('packets_out', 'to the client', U64),
  bytes_in: whole('bytes_in', 'from the client', U64),
  bytes_out: whole('bytes_out', 'to the client', U64),
  drop_packets: whole('drop_packets', 'dropped because its real server is gone', U64),
  conn_id: whole('conn_id', 'the one connection', U64),
  netns: whole('netns', 'inode number of the network namespace', U32),
  zone: whole('zone', "connection tracking's zone", U32),
  mark: whole('mark', "connection tracking's mark", U32),
};

/** The field of that name. Undefined when there is none. */
export function eventField(name: string): EventFieldWord | undefined {
  return Object.hasOwn(EVENT_FIELDS, name) ? EVENT_FIELDS[name] : undefined;
}
