import { nearest } from '../config/nearest.js';
import type { GroupName } from '../wire/client.js';
import { v1 } from '../wire/proto.js';
import { type EndpointTest, parseEndpointTest } from './address.js';
import { kindOf, type LogEvent, protocolNumber } from './event.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';

/** As the command line has them. Values of one are alternatives; all that are given must hold. */
export interface FilterOptions {
  readonly client?: readonly string[];
  readonly vs?: readonly string[];
  readonly rs?: readonly string[];
  readonly kind?: readonly string[];
  readonly reason?: readonly string[];
  readonly protocol?: readonly string[];
}

const CONN_KINDS = words(v1.EventKind.Value, 'unspecified');
const CONTROL_KINDS = words(v1.ControlKind.Value, 'unspecified');
const REASONS = words(v1.EndReason.Value, 'none');

/** Kinds that have a multicast group of their own: then the capture leaves the others out. */
const GROUPS: Readonly<Record<string, GroupName>> = {
  expire: 'conn_expire',
  nodest_drop: 'nodest_drop',
  sched_fail: 'sched_fail',
};

/** Whether an event is wanted. Throws Failure, a sentence, when a value is none. */
export function eventFilter(options: FilterOptions): (log: LogEvent) => boolean {
  const client = endpoints('client', options.client);
  const virtual = endpoints('vs', options.vs);
  const real = endpoints('rs', options.rs);
  const kinds = chosen('kind', options.kind, [...CONN_KINDS, ...CONTROL_KINDS]);
  const reasons = chosen('reason', options.reason, REASONS);
  const protocols = options.protocol?.map((text) => {
    const number = protocolNumber(text);
    if (number === undefined) throw usage(`--protocol is ${JSON.stringify(text)}: it must be tcp, udp, sctp or a number from 0 to 255.`);
    return number;
  });
  return (log) => {
    const { event } = log;
    if (kinds !== undefined && !kinds.has(kindOf(log))) return false;
    if (protocols !== undefined && !protocols.includes(event.protocol)) return false;
    if (virtual !== undefined && !virtual(event.virtual_addr, event.virtual_port)) return false;
    if (real !== undefined && !real(event.real_addr, event.real_port)) return false;
    if (client === undefined && reasons === undefined) return true;
    if (log.record !== 'conn') return false;
    if (client !== undefined && !client(log.event.client_addr, log.event.client_port)) return false;
    return reasons === undefined || reasons.has(v1.EndReason.Value[log.event.reason] ?? '');
  };
}

/** The groups to subscribe to; none means all. */
export function groupsFor(options: FilterOptions): GroupName[] {
  const groups = (options.kind ?? []).map((kind) => GROUPS[kind]);
  return groups.every((group) => group !== undefined) ? groups : [];
}

function endpoints(name: string, values: readonly string[] | undefined): EndpointTest | undefined {
  if (values === undefined) return undefined;
  const tests = values.map((value) => {
    const test = parseEndpointTest(value);
    if (test === undefined)
      throw usage(
        `--${name} is ${JSON.stringify(value)}: it must be an address, a network (10.0.0.0/8) or an address with port (10.0.0.1:80, [::1]:80).`,
      );
    return test;
  });
  return (address, port) => tests.some((test) => test(address, port));
}

function chosen(name: string, values: readonly string[] | undefined, known: readonly string[]): Set<string> | undefined {
  for (const value of values ?? []) {
    if (known.includes(value)) continue;
    const near = nearest(value, known);
    throw usage(
      `--${name} is ${JSON.stringify(value)}: it must be one of ${known.join(', ')}${near === undefined ? '' : `; did you mean ${near}?`}.`.replace(
        /\?\.$/,
        '?',
      ),
    );
  }
  return values === undefined ? undefined : new Set(values);
}

function words(values: object, except: string): string[] {
  return Object.keys(values).filter((name) => name !== except && !/^\d+$/.test(name));
}

function usage(message: string): Failure {
  return new Failure(Exit.usage, message);
}
