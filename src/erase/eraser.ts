import { v1 } from '../wire/proto.js';
import { AddressSet, CONNTRACK_FLAG, type EraseTarget, withoutAddresses } from './target.js';

/** Tags of ConnEvent's and ControlEvent's fields, as one byte each; a unit test holds them to the contract. */
export const TAGS = { kind: 0x08, time: 0x11, sequence: 0x18, connId: 0x21, client: 0x3a, virtual: 0x4a, real: 0x5a, flags: 0x78 } as const;
/** Field 38 of ConnEvent, which is reserved for this: bytes. */
export const PADDING = [0xb2, 0x02] as const;
/** Tag of ControlEvent's command. */
export const COMMAND = [0x8a, 0x01] as const;
const ERASED = v1.EventKind.Value.erased;
/** Bytes of an address. */
const ADDRESS = 16;

/** What of a connection's event decides. Places in the body; 0: the event has no such field. */
interface Found {
  time: number;
  sequence: number;
  sequenceEnd: number;
  connId: number;
  kind: number;
  flags: number;
  client: number;
  virtual: number;
  real: number;
}

/** Takes a person's events out of bodies, in place: what an event leaves is as long as it was, and says only when it was, its sequence and its connection's number. */
export class BodyEraser {
  /** Numbers of the connections of which something was found, 16 hexadecimal digits each. */
  readonly connections = new Set<string>();
  private readonly target: EraseTarget;
  private readonly addresses: AddressSet;
  private readonly own: AddressSet;
  /** Those that were named one by one: nobody means our own machine by them. */
  private readonly named: AddressSet;
  /** Only what happened before, ns since 1970. */
  readonly beforeNs: bigint;

  constructor(target: EraseTarget) {
    this.target = target;
    this.addresses = new AddressSet(target.networks);
    this.own = new AddressSet(target.sides.own);
    this.named = new AddressSet(target.networks.filter(([first, last]) => first === last));
    this.beforeNs = BigInt(target.beforeNs);
  }

  /** Erases among the whole length-delimited ConnEvents of a body; how many. With `count` they stay. Throws RangeError at bytes that are no such events. */
  conn(body: Buffer, count = false): number {
    let erased = 0;
    for (let at = 0; at < body.length; ) {
      const [start, end] = span(body, at);
      const found = fieldsOf(body, start, end);
      if (this.takes(body, found)) {
        if (found.connId !== 0) this.connections.add(body.toString('hex', found.connId, found.connId + 8));
        if (!count) replace(body, start, end, found);
        erased++;
      }
      at = end;
    }
    return erased;
  }

  /** Writes over the person's addresses in the command lines of a body of ControlEvents; in how many events. */
  control(body: Buffer, count = false): number {
    let changed = 0;
    for (let at = 0; at < body.length; ) {
      const [start, end] = span(body, at);
      if (this.redact(body.subarray(start, end), count)) changed++;
      at = end;
    }
    return changed;
  }

  /** A command line without the person's addresses. `places`: addresses that the event is about, which stay. */
  command(text: string, places: readonly Buffer[]): string {
    const hides = (address: Buffer): boolean =>
      (this.named.has(address, 0) || (this.addresses.has(address, 0) && !this.own.has(address, 0))) &&
      !places.some((place) => place.equals(address));
    return withoutAddresses(text, hides);
  }

  /** Whether an event of a connection is the person's, by its addresses as 16 bytes each. */
  isTheirs(client: Buffer, virtual: Buffer, real: Buffer, flags: number, timeNs: bigint): boolean {
    if (timeNs >= this.beforeNs) return false;
    const { sides } = this.target;
    if (sides.client && this.addresses.has(client, 0)) return true;
    const other = (wanted: boolean, address: Buffer): boolean =>
      wanted && this.addresses.has(address, 0) && (!sides.auto || ((flags & CONNTRACK_FLAG) !== 0 && !this.own.has(address, 0)));
    return other(sides.virtual, virtual) || other(sides.real, real);
  }

  /**
   * Writes over whatever looks like the person's address in bytes that cannot be walked, those of a damaged body; how often. An address is known by the tag and the
   * length before it.
   */
  damaged(body: Buffer): number {
    let found = 0;
    for (const tag of [TAGS.client, TAGS.virtual, TAGS.real]) {
      const sign = Buffer.from([tag, ADDRESS]);
      for (let at = body.indexOf(sign); at >= 0 && at + 2 + ADDRESS <= body.length; at = body.indexOf(sign, at + 2)) {
        if (!this.addresses.has(body, at + 2) || (tag !== TAGS.client && this.own.has(body, at + 2))) continue;
        body.fill(0, at + 2, at + 2 + ADDRESS);
        found++;
      }
    }
    return found;
  }

  private takes(body: Buffer, found: Found): boolean {
    if (found.kind === ERASED || found.time === 0 || found.sequence === 0) return false;
    const { sides } = this.target;
    const among = (at: number): boolean => at !== 0 && this.addresses.has(body, at);
    const other = (at: number): boolean => among(at) && (!sides.auto || ((found.flags & CONNTRACK_FLAG) !== 0 && !this.own.has(body, at)));
    const theirs = (sides.client && among(found.client)) || (sides.virtual && other(found.virtual)) || (sides.real && other(found.real));
    return theirs && body.readBigUInt64LE(found.time) < this.beforeNs;
  }

  private redact(message: Buffer, count: boolean): boolean {
    // Most of them name no address at all.
    const event = v1.ControlEvent.decode(message);
    if (BigInt(event.time_ns.toString()) >= this.beforeNs || event.command === '') return false;
    const places = [event.virtual_addr, event.real_addr].map((address) => Buffer.from(address));
    const command = this.command(event.command, places);
    if (command === event.command) return false;
    if (count) return true;
    const old = Buffer.from(event.command);
    const lengths = old.length < 128 ? [old.length] : [(old.length & 127) | 128, old.length >> 7];
    const field = Buffer.concat([Buffer.from([...COMMAND, ...lengths]), old]);
    const at = message.indexOf(field);
    if (at < 0) throw new RangeError('A command line is not where it was read.');
    Buffer.from(command).copy(message, at + field.length - old.length);
    return true;
  }
}

/** Where the event at `at` begins and ends. */
function span(body: Buffer, at: number): [start: number, end: number] {
  const cursor = { at };
  const length = varint(body, cursor, body.length);
  if (cursor.at + length > body.length) throw new RangeError(`The event at byte ${at} does not end inside its body.`);
  return [cursor.at, cursor.at + length];
}

function varint(body: Buffer, cursor: { at: number }, end: number): number {
  let value = 0;
  for (let scale = 1; cursor.at < end; scale *= 128) {
    const byte = body[cursor.at++] as number;
    value += (byte & 127) * scale;
    if (byte < 128) return value;
  }
  throw new RangeError(`The event before byte ${end} is no protobuf message.`);
}

function fieldsOf(body: Buffer, start: number, end: number): Found {
  const found: Found = { time: 0, sequence: 0, sequenceEnd: 0, connId: 0, kind: 0, flags: 0, client: 0, virtual: 0, real: 0 };
  const cursor = { at: start };
  while (cursor.at < end) {
    const tag = varint(body, cursor, end);
    const { at } = cursor;
    switch (tag & 7) {
      case 0: {
        const value = varint(body, cursor, end);
        if (tag === TAGS.kind) found.kind = value;
        else if (tag === TAGS.flags) found.flags = value;
        else if (tag === TAGS.sequence) [found.sequence, found.sequenceEnd] = [at, cursor.at];
        break;
      }
      case 1:
        cursor.at += 8;
        if (tag === TAGS.time) found.time = at;
        else if (tag === TAGS.connId) found.connId = at;
        break;
      case 2: {
        const length = varint(body, cursor, end);
        if (length === ADDRESS && cursor.at + ADDRESS <= end) {
          if (tag === TAGS.client) found.client = cursor.at;
          else if (tag === TAGS.virtual) found.virtual = cursor.at;
          else if (tag === TAGS.real) found.real = cursor.at;
        }
        cursor.at += length;
        break;
      }
      case 5:
        cursor.at += 4;
        break;
      default:
        throw new RangeError(`The event at byte ${start} is no protobuf message.`);
    }
  }
  if (cursor.at !== end) throw new RangeError(`The event at byte ${start} is no protobuf message.`);
  return found;
}

/** Writes what is left of an event over it. */
function replace(body: Buffer, start: number, end: number, found: Found): void {
  const kept = [
    Buffer.from([TAGS.kind, ERASED, TAGS.time]),
    Buffer.from(body.subarray(found.time, found.time + 8)),
    Buffer.from([TAGS.sequence]),
    Buffer.from(body.subarray(found.sequence, found.sequenceEnd)),
    ...(found.connId === 0 ? [] : [Buffer.from([TAGS.connId]), Buffer.from(body.subarray(found.connId, found.connId + 8))]),
  ];
  const rest = Buffer.concat(kept);
  const room = end - start - rest.length;
  // An event that is erased had an address, whose room is more than what padding takes at least.
  if (room < 4) throw new RangeError(`The event at byte ${start} is too short to be erased.`);
  body.fill(0, start, end);
  rest.copy(body, start);
  const at = start + rest.length;
  const short = room - 3 < 128;
  const length = short ? room - 3 : room - 4;
  body.set(short ? [...PADDING, length] : [...PADDING, (length & 127) | 128, length >> 7], at);
}
