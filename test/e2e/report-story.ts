import type { Store } from '../../src/store/index.js';
import { toLong, v1 } from '../../src/wire/proto.js';
import { connEvent, segmentOf, v4 } from './store-segments.js';

/** Friday, 10:00 UTC, ms. */
export const TEN = Date.UTC(2026, 0, 30, 10);
const NS = 1_000_000n;

/** Seconds after ten as ns since 1970. */
const at = (seconds: number): bigint => BigInt(TEN + seconds * 1000) * NS;
const minutes = (n: number, seconds = 0): number => n * 60 + seconds;

const [A, B] = [11, 12];
const [ESTABLISHED, SYN_RECV, TIME_WAIT] = [1, 3, 5];
const V6 = Uint8Array.from([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
const WEB = { protocol: 6, family: 4, virtual_addr: v4(2), virtual_port: 80 };

interface Life {
  readonly conn: number;
  readonly client: number;
  readonly port: number;
  readonly real: number;
  /** Seconds after ten. */
  readonly begin: number;
  /** Undefined: it is open. */
  readonly end?: number;
  readonly reason?: keyof typeof v1.EndReason.Value;
  /** The last one, of TCP; default: TIME_WAIT. */
  readonly state?: number;
  readonly bytes?: readonly [number, number];
  readonly quiesced?: true;
}

/**
 * An hour of one virtual service, 10.0.0.2:80, with the real servers 10.0.0.11:8080 (A) and 10.0.0.12:8080 (B), told so that every report's answer can be
 * worked out by hand: A is quiesced from 10:03 to 10:30, B is removed at 10:43:05, A is overloaded at 10:50 and at 10:58.
 */
const LIVES: readonly Life[] = [
  { conn: 1, client: 101, port: 1001, real: A, begin: 0, end: minutes(5), reason: 'timeout', bytes: [100, 900] },
  {
    conn: 2,
    client: 102,
    port: 1002,
    real: A,
    begin: minutes(1),
    end: minutes(21),
    reason: 'timeout',
    state: ESTABLISHED,
    bytes: [200, 800],
  },
  { conn: 3, client: 101, port: 1003, real: B, begin: minutes(2) },
  // Persistence brings a client back to A while that is quiesced.
  { conn: 5, client: 102, port: 1004, real: A, begin: minutes(4), end: minutes(6), reason: 'expire_now', bytes: [10, 20], quiesced: true },
  { conn: 6, client: 103, port: 2000, real: A, begin: minutes(40), end: minutes(41), reason: 'timeout', state: SYN_RECV, bytes: [1, 2] },
  // The same port of the client again: half a second later elsewhere, a minute later at the same server.
  { conn: 7, client: 103, port: 2000, real: B, begin: minutes(41, 0.5), end: minutes(42), reason: 'timeout', bytes: [3, 4] },
  {
    conn: 8,
    client: 103,
    port: 2000,
    real: B,
    begin: minutes(43),
    end: minutes(43, 10),
    reason: 'nodest',
    state: ESTABLISHED,
    bytes: [5, 6],
  },
];

interface Event {
  readonly at: number;
  readonly record: 'conn' | 'control';
  encode(sequence: bigint): Uint8Array;
}

function eventsOf(life: Life): Event[] {
  const { conn, client, port, real, begin, end, reason, bytes, quiesced } = life;
  const fields = {
    conn: BigInt(conn),
    client_addr: v4(client),
    client_port: port,
    virtual_port: 80,
    real_addr: v4(real),
    real_port: 8080,
    created_ns: toLong(at(begin)),
    weight: quiesced === true ? 0 : 1,
    ...(quiesced === true
      ? { quiesced: true, scheduled_by: v1.ScheduledBy.Value.persistence, template_id: toLong(4n) }
      : { scheduled_by: v1.ScheduledBy.Value.scheduler }),
  };
  const events: Event[] = [
    {
      at: begin,
      record: 'conn',
      encode: (sequence) => connEvent({ ...fields, kind: 'create', sequence, time: at(begin), state: SYN_RECV }),
    },
  ];
  if (end !== undefined)
    events.push({
      at: end,
      record: 'conn',
      encode: (sequence) =>
        connEvent({
          ...fields,
          kind: 'expire',
          sequence,
          time: at(end),
          duration_ns: toLong(at(end) - at(begin)),
          reason: v1.EndReason.Value[reason ?? 'timeout'],
          packets_in: toLong(2n),
          packets_out: toLong(3n),
          bytes_in: toLong(BigInt(bytes?.[0] ?? 0)),
          bytes_out: toLong(BigInt(bytes?.[1] ?? 0)),
          state: life.state ?? TIME_WAIT,
        }),
    });
  return events;
}

type Dropped = Pick<Life, 'conn' | 'client' | 'port' | 'real'>;

/** `more`: of another service than 10.0.0.2:80. */
function drop(seconds: number, life: Dropped, packets: number, more: Partial<Parameters<typeof connEvent>[0]> = {}): Event {
  return {
    at: seconds,
    record: 'conn',
    encode: (sequence) =>
      connEvent({
        client_addr: v4(life.client),
        client_port: life.port,
        virtual_port: 80,
        real_addr: v4(life.real),
        real_port: 8080,
        ...more,
        kind: 'nodest_drop',
        sequence,
        time: at(seconds),
        conn: BigInt(life.conn),
        drop_packets: toLong(BigInt(packets)),
        drop_bytes: toLong(BigInt(packets * 60)),
        drop_first_ns: toLong(at(seconds)),
        drop_last_ns: toLong(at(seconds)),
      }),
  };
}

type ControlFields = Omit<Parameters<typeof v1.ControlEvent.encodeDelimited>[0], 'kind'>;

function control(seconds: number, kind: keyof typeof v1.ControlKind.Value, fields: ControlFields): Event {
  return {
    at: seconds,
    record: 'control',
    encode: (sequence) =>
      v1.ControlEvent.encodeDelimited({
        uid: 0,
        login_uid: 0xffff_ffff,
        ...fields,
        kind: v1.ControlKind.Value[kind],
        time_ns: toLong(at(seconds)),
        sequence: toLong(sequence),
      }).finish(),
  };
}

const server = (last: number): ControlFields => ({ ...WEB, real_addr: v4(last), real_port: 8080 });
const settings = (weight: number, upper = 0): string => `weight=${weight} forward=masq upper=${upper} lower=0`;
const admin: ControlFields = { pid: 12, command: 'ipvsadm -e', through: v1.Through.Value.netlink };

/** Everything that happens, in order. */
function story(): Event[] {
  const life = (conn: number): Life => LIVES.find((one) => one.conn === conn) as Life;
  const template = { conn: 4n, is_template: true, client_addr: v4(102), virtual_port: 80, real_addr: v4(A), real_port: 8080 };
  const events = [
    ...LIVES.flatMap(eventsOf),
    {
      at: minutes(1),
      record: 'conn',
      encode: (sequence: bigint) => connEvent({ ...template, kind: 'create', sequence, time: at(minutes(1)) }),
    } as const,
    drop(minutes(43, 6), life(8), 2),
    drop(minutes(43, 8), life(8), 3),
    drop(minutes(44), life(3), 1),
    {
      at: minutes(59),
      record: 'conn',
      encode: (sequence: bigint) =>
        connEvent({
          kind: 'sched_fail',
          sequence,
          time: at(minutes(59)),
          client_addr: v4(104),
          virtual_port: 80,
          real_addr: new Uint8Array(16),
        }),
    } as const,
    control(-3600, 'service_added', { ...WEB, new_value: 'scheduler=wlc persistent=60s flags=0x3', ...admin }),
    control(-3600, 'real_added', { ...server(A), new_value: settings(1, 3), ...admin }),
    control(-3600, 'real_added', { ...server(B), new_value: settings(1), ...admin }),
    control(minutes(3), 'real_changed', { ...server(A), old_value: settings(1, 3), new_value: settings(0, 3), ...admin }),
    control(minutes(30), 'real_changed', { ...server(A), old_value: settings(0, 3), new_value: settings(1, 3), ...admin }),
    control(minutes(43, 5), 'real_removed', { ...server(B), old_value: settings(1), ...admin }),
    control(minutes(50), 'overload_on', { ...server(A), through: v1.Through.Value.kernel }),
    control(minutes(55), 'overload_off', { ...server(A), through: v1.Through.Value.kernel }),
    control(minutes(58), 'overload_on', { ...server(A), through: v1.Through.Value.kernel }),
    control(minutes(59, 30), 'loss', {
      where: v1.LossPlace.Value.ring,
      lost: toLong(7n),
      first_ns: toLong(at(minutes(59, 10))),
      last_ns: toLong(at(minutes(59, 20))),
      detail: 'The ring was full.',
    }),
  ];
  return events.sort((a, b) => a.at - b.at);
}

/** Seconds from the first story's ten o'clock to that of lb2's. */
export const NEXT_DAY = 24 * 3600;

/**
 * An hour of another director, lb2, a day later. The server 10.0.0.21:8080 is in two services and is removed from 10.0.0.2:80 at 10:05 and 10:30, from 10.0.0.3:443 at
 * 10:20; 10.0.0.22 is in fwmark 7, for every port, and removed at 10:40. Of 10.0.0.23:8080, a capture that starts at 10:50:30 and remembers nothing finds one connection
 * where there were three.
 */
function second(): Event[] {
  const [C, D, E] = [21, 22, 23];
  const time = (n: number, seconds = 0): number => NEXT_DAY + minutes(n, seconds);
  const other = { virtual_addr: v4(3), virtual_port: 443 };
  const marked = { fwmark: 7, virtual_addr: new Uint8Array(16), virtual_port: 0, real_addr: v4(D), real_port: 0 };
  const removed = (n: number, fields: ControlFields): Event =>
    control(time(n), 'real_removed', { ...fields, old_value: settings(1), ...admin });
  const client = (conn: number): Dropped => ({ conn, client: conn + 100, port: 3000, real: C });
  const life = (conn: number, begin: number, more: Partial<Life> = {}): Life => ({
    conn,
    client: conn + 100,
    port: 3000,
    real: E,
    begin,
    ...more,
  });
  const found: Event = {
    at: time(50, 31),
    record: 'conn',
    encode: (sequence) =>
      connEvent({
        kind: 'snapshot',
        sequence,
        time: at(time(50, 31)),
        conn: 34n,
        client_addr: v4(131),
        client_port: 3000,
        virtual_port: 80,
        real_addr: v4(E),
        real_port: 8080,
      }),
  };
  return [
    removed(5, server(C)),
    drop(time(6), client(21), 2),
    drop(time(7), client(21), 3),
    control(time(10), 'real_added', { ...server(C), new_value: settings(1), ...admin }),
    removed(20, { ...server(C), ...other }),
    drop(time(21), client(23), 4, other),
    removed(30, server(C)),
    drop(time(31), client(22), 1),
    removed(40, { ...WEB, ...marked }),
    drop(time(41), client(24), 2, { fwmark: 7, virtual_port: 443, real_addr: v4(D), real_port: 443 }),
    // Of ICMP, whose server was never there.
    drop(time(42), client(25), 1, { protocol: 1, virtual_port: 2048, real_addr: v4(D), real_port: 0 }),
    drop(time(43), client(26), 1, { fwmark: 7, family: 6, virtual_addr: V6, virtual_port: 443, real_addr: V6, real_port: 443 }),
    ...[
      life(31, time(0)),
      life(32, time(45)),
      life(33, time(46), { end: time(48), reason: 'timeout' }),
      life(35, time(49)),
      life(36, time(55), { end: time(58), reason: 'timeout' }),
    ].flatMap(eventsOf),
    control(time(50, 30), 'capture_started', { fresh: true, boot_id: 'b' }),
    found,
  ];
}

/** Puts the stories into a store. Three sequences before the last one of the first are missing from it. */
export async function tellStory(store: Store, dir: string): Promise<void> {
  const events = story();
  await tell(store, dir, events, 'lb1', 0);
  const late = [control(minutes(59, 40), 'clock_step', { old_value: '0', new_value: '1' })];
  const first = BigInt(events.length + 1) + 3n;
  await store.deliver(
    segmentOf(
      dir,
      late.map((event) => event.encode(first)),
      [{ first, last: first }],
      { id: 3, record: 'control', node: 'lb1' },
    ),
  );
  await tell(
    store,
    dir,
    second().sort((a, b) => a.at - b.at),
    'lb2',
    10,
  );
}

/** A director's events, in order, as two segments with the numbers after `id`. */
async function tell(store: Store, dir: string, events: readonly Event[], node: string, id: number): Promise<void> {
  for (const [i, record] of (['control', 'conn'] as const).entries()) {
    const mine = events.flatMap((event, at) => (event.record === record ? [{ event, sequence: BigInt(at + 1) }] : []));
    const body = mine.map(({ event, sequence }) => event.encode(sequence));
    const ranges = mine.map(({ sequence }) => ({ first: sequence, last: sequence }));
    await store.deliver(segmentOf(dir, body, ranges, { id: id + i + 1, record, node }));
  }
}
