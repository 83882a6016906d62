import { expect, it, vi } from 'vitest';
import { nodeClockRecord } from '../../../src/collector/clock-record.js';
import { firstTimeNs, NodeClocks } from '../../../src/collector/node-clocks.js';
import { toLong, v1 } from '../../../src/wire/proto.js';

const NOW = Date.UTC(2026, 10, 1);
const ns = (ms: number): bigint => BigInt(ms) * 1_000_000n;
const MOST = 2n ** 64n - 1n;

function batch(timeNs: bigint, node = 'lb1', more = 1) {
  const event = Buffer.from(
    v1.ConnEvent.encodeDelimited({ kind: v1.EventKind.Value.create, time_ns: toLong(timeNs), sequence: toLong(1n) }).finish(),
  );
  return { node, body: Buffer.concat(Array.from({ length: more }, () => event)) };
}

it('reads the time of the first event of a batch, of all 64 bits', () => {
  for (const time of [0n, 1n, ns(NOW), ns(Date.UTC(2150, 0, 1)), 2n ** 63n, MOST])
    expect(firstTimeNs(batch(time, 'n', 3).body)).toBe(time === 0n ? undefined : time);
  const control = v1.ControlEvent.encodeDelimited({ kind: v1.ControlKind.Value.loss, time_ns: toLong(7n) }).finish();
  expect(firstTimeNs(Buffer.from(control))).toBe(7n);
  for (const broken of [[], [200], [3, 0x08], [3, 0x08, 1, 0x11, 1]]) expect(firstTimeNs(Buffer.from(broken))).toBeUndefined();
});

it.each([ns(Date.UTC(1971, 0, 1)), ns(Date.UTC(2015, 5, 1)), ns(Date.UTC(2150, 0, 1)), MOST])(
  'tells once of a node whose events have time %d, and once that it is over',
  (time) => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const clocks = new NodeClocks({ now: () => NOW, wall: () => NOW });
    expect(clocks.look(batch(ns(NOW - 86_000_000)))).toBeUndefined();
    expect(clocks.look(batch(time))).toEqual({ node: 'lb1', kind: 'doubted', expectedNs: ns(NOW), eventNs: time });
    for (let i = 0; i < 1000; i++) expect(clocks.look(batch(time + BigInt(i) * (time === MOST ? 0n : 1n)))).toBeUndefined();
    expect(clocks.look(batch(ns(NOW), 'other'))).toBeUndefined();
    expect(clocks.status().map(({ node }) => node)).toEqual(['lb1']);
    // Good ones between bad ones are no end of it.
    for (let i = 0; i < 10; i++) {
      expect(clocks.look(batch(ns(NOW)))).toBeUndefined();
      vi.advanceTimersByTime(59_000);
      expect(clocks.look(batch(time))).toBeUndefined();
    }
    clocks.look(batch(ns(NOW)));
    vi.advanceTimersByTime(60_000);
    expect(clocks.look(batch(ns(NOW)))).toMatchObject({ kind: 'returned' });
    expect(clocks.status()).toEqual([]);
    vi.useRealTimers();
  },
);

it('takes the clock that the collector doubts itself for no second finding', () => {
  const wall = Date.UTC(2035, 0, 1);
  const clocks = new NodeClocks({ now: () => NOW, wall: () => wall });
  expect(clocks.look(batch(ns(wall)))).toBeUndefined();
  expect(clocks.look(batch(ns(Date.UTC(1971, 0, 1))))).toBeDefined();
});

it('says what was expected, what was found, and by how much', () => {
  const record = nodeClockRecord({ node: 'lb1', kind: 'doubted', expectedNs: ns(NOW), eventNs: ns(NOW + 3 * 86_400_000) });
  expect(record).toMatchObject({
    kind: v1.ControlKind.Value.clock,
    name: 'lb1',
    old_value: String(ns(NOW)),
    new_value: String(ns(NOW + 3 * 86_400_000)),
  });
  expect(record.detail).toContain('3 d ahead of');
});
