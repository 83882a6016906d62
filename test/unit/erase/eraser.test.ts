import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BodyEraser, COMMAND, PADDING, TAGS } from '../../../src/erase/eraser.js';
import { CONNTRACK_FLAG } from '../../../src/erase/target.js';
import { scanBody } from '../../../src/spool/scan.js';
import { formatAddress } from '../../../src/wire/address.js';
import { nextEvent } from '../../../src/wire/batch.js';
import { toBigInt, toLong, v1 } from '../../../src/wire/proto.js';
import { BEGIN, bytesOf, makePeople, network, targetOf } from '../support/people.js';

type Conn = InstanceType<typeof v1.ConnEvent>;

function eventsIn(body: Buffer): Conn[] {
  const found: Conn[] = [];
  for (let at = 0; at < body.length; ) {
    const { start, end } = nextEvent(body, at);
    found.push(v1.ConnEvent.decode(body.subarray(start, end)));
    at = end;
  }
  return found;
}

/** What of an event is not the default, without what it keeps. */
function leftOf(event: Conn): string[] {
  const plain = v1.ConnEvent.toObject(event, { longs: String, enums: String, bytes: String, defaults: false });
  return Object.keys(plain).filter((name) => !['kind', 'time_ns', 'sequence', 'conn_id'].includes(name));
}

const PERSON = '203.0.113.7';
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map(toLong);
const address = fc.constantFrom('203.0.113.7', '203.0.113.8', '192.0.2.1', '2001:db8::7', '::').map(bytesOf);
const event = fc.record({
  ...{ kind: fc.integer({ min: 1, max: 6 }), time_ns: fc.bigInt({ min: 1n, max: BEGIN }).map(toLong) },
  ...{ sequence: fc.bigInt({ min: 1n, max: 1n << 53n }).map(toLong), conn_id: u64, protocol: u32, family: u32, client_addr: address },
  ...{
    client_port: u32,
    virtual_addr: address,
    virtual_port: u32,
    real_addr: address,
    real_port: u32,
    fwmark: u32,
    flags: u32,
    state: u32,
  },
  ...{
    is_template: fc.boolean(),
    template_id: u64,
    weight: fc.integer(),
    created_ns: u64,
    duration_ns: u64,
    packets_in: u64,
    bytes_in: u64,
  },
  ...{
    packets_out: u64,
    bytes_out: u64,
    drop_packets: u64,
    drop_bytes: u64,
    drop_first_ns: u64,
    drop_last_ns: u64,
    timeout_ms: u32,
    netns: u32,
  },
  ...{ zone: u32, mark: u32, labels: fc.uint8Array({ minLength: 0, maxLength: 16 }) },
});

describe('BodyEraser', () => {
  it('leaves of a person’s events time, sequence and connection, in as many bytes, and the others as they are', () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 20 }), (fields) => {
        const body = Buffer.concat(fields.map((one) => v1.ConnEvent.encodeDelimited(one).finish()));
        const before = Buffer.from(body);
        const eraser = new BodyEraser(targetOf([PERSON]));
        const theirs = fields.map(
          ({ client_addr, virtual_addr, real_addr, flags }) =>
            formatAddress(client_addr) === PERSON ||
            ((flags & CONNTRACK_FLAG) !== 0 && [virtual_addr, real_addr].some((one) => formatAddress(one) === PERSON)),
        );
        const count = theirs.filter(Boolean).length;
        expect(eraser.conn(body, true)).toBe(count);
        expect(body.equals(before)).toBe(true);
        expect(eraser.conn(body)).toBe(count);
        expect(body.length).toBe(before.length);
        const [old, now] = [eventsIn(before), eventsIn(body)];
        const places: [number, number][] = [];
        scanBody(body, (sequence, seconds) => places.push([sequence, seconds]));
        for (const [i, erased] of theirs.entries()) {
          const [was, is] = [old[i] as Conn, now[i] as Conn];
          if (!erased) expect(is).toEqual(was);
          else {
            expect(is.kind).toBe(v1.EventKind.Value.erased);
            expect([is.time_ns, is.sequence, is.conn_id]).toEqual([was.time_ns, was.sequence, was.conn_id]);
            expect(leftOf(is)).toEqual([]);
          }
          expect(places[i]?.[0]).toBe(Number(toBigInt(was.sequence)));
        }
        if (count > 0) expect(body.includes(Buffer.from(bytesOf(PERSON))) && !sidesLeft(now)).toBe(false);
        // Once more finds nothing.
        expect(new BodyEraser(targetOf([PERSON])).conn(body)).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it('takes only what happened before, and whole networks', () => {
    const batch = makePeople(1n, [PERSON, '203.0.113.200', '203.0.114.1', PERSON, '2001:db8::7']);
    const until = new BodyEraser(targetOf([PERSON], { before: BEGIN + 3n }));
    expect(until.conn(Buffer.from(batch.body), true)).toBe(1);
    const net = new BodyEraser(targetOf(['203.0.113.0/24', '2001:db8::/32']));
    expect(net.conn(Buffer.from(batch.body))).toBe(4);
    expect(net.connections.size).toBe(4);
  });

  it('looks at the sides that are chosen', () => {
    const at = (side: 'client_addr' | 'virtual_addr' | 'real_addr', flags = 0): Buffer =>
      Buffer.from(
        v1.ConnEvent.encodeDelimited({ kind: 1, time_ns: toLong(1n), sequence: toLong(1n), [side]: bytesOf(PERSON), flags }).finish(),
      );
    const counts = (target = targetOf([PERSON])): number[] =>
      [at('client_addr'), at('virtual_addr'), at('real_addr'), at('virtual_addr', CONNTRACK_FLAG), at('real_addr', CONNTRACK_FLAG)].map(
        (body) => new BodyEraser(target).conn(body, true),
      );
    expect(counts()).toEqual([1, 0, 0, 1, 1]);
    // An address of ours is nobody's at the ends of a flow; as a client it was named on purpose.
    expect(counts(targetOf([PERSON], { own: [network('203.0.113.0/24')] }))).toEqual([1, 0, 0, 0, 0]);
    expect(counts(targetOf([PERSON], { auto: false, client: false, real: false }))).toEqual([0, 1, 0, 1, 0]);
  });

  it('writes over an address on a command line, with as many letters, and leaves services’ own ones', () => {
    const batch = makePeople(1n, [PERSON, '192.0.2.1', '203.0.113.77'], 'control');
    const body = Buffer.from(batch.body);
    expect(new BodyEraser(targetOf([PERSON])).control(body, true)).toBe(1);
    expect(new BodyEraser(targetOf([PERSON])).control(body)).toBe(1);
    expect(body.length).toBe(batch.body.length);
    expect(body.includes('--for xxxxxxxxxxx')).toBe(true);
    expect(body.includes('203.0.113.77')).toBe(true);
    const { start, end } = nextEvent(body, 0);
    expect(v1.ControlEvent.decode(body.subarray(start, end))).toMatchObject({
      name: 'drop_entry',
      command: 'vslog knob set drop_entry=1 --for xxxxxxxxxxx',
    });
    const eraser = new BodyEraser(targetOf(['192.0.2.0/24', '2001:db8::7']));
    expect(eraser.command('ipvsadm -e -t 192.0.2.1:80 -r [2001:db8::7]:80 from 192.0.2.9.', [Buffer.from(bytesOf('192.0.2.1'))])).toBe(
      'ipvsadm -e -t 192.0.2.1:80 -r [xxxxxxxxxxx]:80 from xxxxxxxxx.',
    );
    // A long command line has a length of two bytes.
    const long = `${'a '.repeat(100)}${PERSON}`;
    const one = Buffer.from(
      v1.ControlEvent.encodeDelimited({ kind: 9, time_ns: toLong(1n), sequence: toLong(1n), command: long }).finish(),
    );
    expect(new BodyEraser(targetOf([PERSON])).control(one)).toBe(1);
    expect(one.includes(PERSON)).toBe(false);
  });

  it('writes over what looks like the address in bytes that cannot be walked', () => {
    const { body } = makePeople(1n, [PERSON, '198.51.100.1', PERSON]);
    const torn = Buffer.from(body.subarray(5));
    const eraser = new BodyEraser(targetOf([PERSON]));
    expect(() => eraser.conn(Buffer.from(torn))).toThrow(RangeError);
    expect(eraser.damaged(torn)).toBe(2);
    expect(torn.includes(Buffer.from(bytesOf(PERSON)))).toBe(false);
    expect(torn.includes(Buffer.from(bytesOf('198.51.100.1')))).toBe(true);
  });

  it('knows the fields by the contract', () => {
    const tagOf = (fields: object): number => v1.ConnEvent.encode(fields).finish()[0] as number;
    expect(TAGS).toEqual({
      ...{ kind: tagOf({ kind: 1 }), time: tagOf({ time_ns: toLong(1n) }), sequence: tagOf({ sequence: toLong(1n) }) },
      ...{ connId: tagOf({ conn_id: toLong(1n) }), client: tagOf({ client_addr: bytesOf('::') }) },
      ...{ virtual: tagOf({ virtual_addr: bytesOf('::') }), real: tagOf({ real_addr: bytesOf('::') }), flags: tagOf({ flags: 1 }) },
    });
    expect([...v1.ControlEvent.encode({ command: 'x' }).finish().subarray(0, 2)]).toEqual([...COMMAND]);
    // Behind the last field of the message: a reader that knows no such field passes over it.
    expect(((PADDING[0] & 127) | (PADDING[1] << 7)) >> 3).toBe(38);
  });
});

/** Whether an event that stays has the person at an end that does not count. */
function sidesLeft(events: readonly Conn[]): boolean {
  return events.some((one) => [one.virtual_addr, one.real_addr].some((side) => formatAddress(side) === PERSON));
}
