import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parseAddress } from '../../src/cli/address.js';
import { parseWhere } from '../../src/cli/where.js';
import { eventFilterMessage } from '../../src/wire/event-filter.js';
import { toLong, v1 } from '../../src/wire/proto.js';

const FILE = new URL('filters.txt', import.meta.url);

const address = (text: string): Uint8Array => parseAddress(text) ?? new Uint8Array();
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const expired = {
  kind: v1.EventKind.Value.expire,
  conn_id: toLong(77n),
  protocol: 6,
  client_addr: address('10.1.2.3'),
  client_port: 4000,
  virtual_addr: address('192.0.2.1'),
  virtual_port: 80,
  real_addr: address('2001:db8::1'),
  real_port: 8080,
  weight: 3,
  state: 4,
  duration_ns: toLong(5_000_000_000n),
  reason: v1.EndReason.Value.nodest,
};
const created = { ...expired, kind: v1.EventKind.Value.create, weight: -1, quiesced: true, duration_ns: toLong(0n), reason: 0, state: 1 };
const failed = {
  kind: v1.EventKind.Value.sched_fail,
  protocol: 17,
  client_addr: address('10.1.2.4'),
  client_port: 53,
  real_addr: address('::'),
};
const changed = {
  kind: v1.ControlKind.Value.real_changed,
  protocol: 6,
  virtual_addr: address('192.0.2.1'),
  virtual_port: 80,
  real_addr: address('2001:db8::1'),
  real_port: 8080,
};

const EVENTS = [
  ['conn', hex(v1.ConnEvent.encode(expired).finish())],
  ['conn', hex(v1.ConnEvent.encode(created).finish())],
  ['conn', hex(v1.ConnEvent.encode(failed).finish())],
  ['control', hex(v1.ControlEvent.encode(changed).finish())],
] as const;

/** Which of the four events pass: expired, created, failed, changed. Worked out by hand. */
const CASES: readonly (readonly [expression: string, passes: string])[] = [
  ['client in 10.0.0.0/8', '1110'],
  ['client in (11.0.0.0/8, 10.1.2.3:4000)', '1100'],
  ['client = 10.1.2.3:4001', '0000'],
  ['client = :53', '0010'],
  ['client in 10.1.2.2/31', '1100'],
  ['client != 10.1.2.3', '0011'],
  ['rs = [2001:db8::1]:8080', '1101'],
  ['rs in ::/0', '1101'],
  ['vs = 192.0.2.1:80 and rs = 2001:db8::2', '0000'],
  ['kind = expire', '1000'],
  ['kind in (create, real_changed)', '0101'],
  ['reason = nodest', '1000'],
  ['not reason = nodest', '0111'],
  ['protocol = udp', '0010'],
  ['protocol in (tcp, 132)', '1101'],
  ['weight = 3', '1000'],
  ['weight >= 0', '1010'],
  ['weight > 3', '0000'],
  ['quiesced', '0100'],
  ['quiesced = no', '1010'],
  ['duration <= 5s', '1000'],
  ['duration < 5s', '0000'],
  ['conn_id = 77', '1100'],
  ['state = ESTABLISHED', '0100'],
  ['state = fin-wait or kind = sched_fail', '1010'],
  ['(protocol = udp or quiesced) and not client = 10.1.2.4', '0100'],
  ['fwmark = 0', '1111'],
];

it('filters are the bytes that the capture is tested with', () => {
  const lines = [
    ...EVENTS.map(([record, bytes]) => `event ${record} ${bytes}`),
    ...CASES.map(
      ([text, passes]) => `filter ${passes} ${hex(v1.EventFilter.encode(eventFilterMessage(parseWhere(text))).finish())} ${text}`,
    ),
  ];
  const written = `${lines.join('\n')}\n`;
  if (process.env.VSLOG_UPDATE_GOLDEN === '1') writeFileSync(FILE, written);
  expect(readFileSync(FILE, 'utf8')).toBe(written);
});
