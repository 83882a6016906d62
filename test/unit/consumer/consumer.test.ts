import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BadMessage, eachBatch, History, type KafkaMessage, readMessage } from '../../../src/consumer/index.js';
import { toLong, v1 } from '../../../src/wire/proto.js';

function event(sequence: number): Uint8Array {
  return v1.ConnEvent.encode({
    kind: v1.EventKind.Value.create,
    time_ns: toLong(1_000_000_000n),
    sequence: toLong(BigInt(sequence)),
    protocol: 6,
  }).finish();
}

function message(first: number, count: number, more: Record<string, string> = {}): KafkaMessage {
  const bodies = Array.from({ length: count }, (_, i) => Buffer.concat([Buffer.from([event(first + i).length]), event(first + i)]));
  return {
    value: more.framing === 'event' ? event(first) : Buffer.concat(bodies),
    headers: { node: 'lb', epoch: 'e', record: 'conn', first: String(first), count: String(count), schema: '1', framing: 'batch', ...more },
  };
}

const sequencesOf = (events: Iterable<{ sequence: bigint }>): number[] => [...events].map(({ sequence }) => Number(sequence));

describe('a message', () => {
  it('is its events, in either framing, with headers of text or of bytes', () => {
    const content = readMessage(message(5, 3));
    expect(content).toMatchObject({ node: 'lb', epoch: 'e', record: 'conn', first: 5n, count: 3 });
    expect(sequencesOf(content.events())).toEqual([5, 6, 7]);
    const { headers = {}, value } = message(9, 1, { framing: 'event' });
    const bytes = Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(String(text))]));
    const [one] = readMessage({ value, headers: bytes }).events();
    expect(one?.bytes).toEqual(event(9));
    expect(JSON.parse(JSON.stringify(one))).toMatchObject({
      node: 'lb',
      record: 'conn',
      kind: 'create',
      sequence: 9,
      time: '1970-01-01T00:00:01.000000000Z',
    });
  });

  it.each([
    ['no headers', { value: Buffer.alloc(1) }, /no header "schema": it is none of vslog's\./],
    ['another version', message(1, 1, { schema: '2' }), /schema version 2, and this reader knows version 1/],
    ['another framing', message(1, 1, { framing: 'tar' }), /framing "tar"/],
    ['another record type', message(1, 1, { record: 'x' }), /records of type "x"/],
    ['no number', message(1, 1, { count: '-1' }), /are no numbers/],
    ['no value', { ...message(1, 1), value: null }, /has no value/],
    ['too many events', { ...message(1, 2), headers: message(1, 1).headers }, /has 2 events, and its headers say 1/],
    ['other sequences', message(1, 2, { first: '2' }), /the event 1 of lb e where its headers say 2/],
    ['a cut end', { ...message(1, 2), value: message(1, 2).value?.subarray(0, 20) }, /ends inside the event/],
    ['bytes that are no event', { ...message(1, 1, { framing: 'event' }), value: Buffer.from([0xff, 0xff]) }, /cannot be read/],
  ] as const)('is refused with a sentence: %s', (_what, bad, sentence) => {
    const read = (): unknown => [...readMessage(bad).events()];
    expect(read).toThrow(BadMessage);
    expect(read).toThrow(sentence);
  });
});

describe('a history', () => {
  it('lets every event through once, whatever comes twice, in whole or in part', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 12 })), { maxLength: 30 }), (messages) => {
        let history = new History();
        const got: number[] = [];
        for (const [i, [first, count]] of messages.entries()) {
          const content = readMessage(message(first, count));
          got.push(...sequencesOf(history.fresh(content)));
          history.mark(content);
          // A new process goes on with what the earlier one has kept.
          if (i % 3 === 0) history = new History({ state: JSON.parse(JSON.stringify(history)) });
        }
        const all = new Set(messages.flatMap(([first, count]) => Array.from({ length: count }, (_, i) => first + i)));
        expect(got).toHaveLength(all.size);
        expect(new Set(got)).toEqual(all);
        const sorted = [...all].sort((a, b) => a - b);
        const [low = 1, high = 0] = [sorted[0], sorted.at(-1)];
        const missing = Array.from({ length: Math.max(0, high - low + 1) }, (_, i) => low + i).filter((sequence) => !all.has(sequence));
        expect(
          history.gaps().flatMap(({ first, last }) => Array.from({ length: Number(last - first) + 1 }, (_, i) => Number(first) + i)),
        ).toEqual(missing);
      }),
    );
  });

  it('counts both record types together, and nodes and epochs apart', () => {
    const history = new History();
    history.mark(readMessage(message(1, 4)));
    history.mark(readMessage(message(6, 2)));
    expect(history.gaps()).toEqual([{ node: 'lb', epoch: 'e', first: 5n, last: 5n }]);
    history.mark({ node: 'lb', epoch: 'e', first: 5n, count: 1 });
    expect(history.gaps()).toEqual([]);
    expect(history.fresh(readMessage(message(1, 1, { epoch: 'f' })))).toHaveLength(1);
    expect(history.fresh(readMessage(message(1, 1, { node: 'lb2' })))).toHaveLength(1);
    history.forget('lb', 'e');
    expect(history.fresh(readMessage(message(1, 1)))).toHaveLength(1);
  });

  it('forgets the oldest when there are too many holes', () => {
    const history = new History({ maxSpans: 10 });
    for (let first = 1; first <= 99; first += 2) history.mark({ node: 'lb', epoch: 'e', first: BigInt(first), count: 1 });
    expect(history.toJSON()[0]?.spans.length).toBeLessThanOrEqual(15);
    expect(history.fresh(readMessage(message(99, 1)))).toEqual([]);
    expect(history.fresh(readMessage(message(1, 1)))).toHaveLength(1);
  });

  it('marks nothing that was not dealt with: Kafka brings it again', async () => {
    const history = new History();
    const got: number[] = [];
    let fail = true;
    const handle = eachBatch(history, (events) => {
      if (fail && events.some(({ sequence }) => sequence === 5n)) throw new Error('later');
      got.push(...sequencesOf(events));
    });
    const resolved: string[] = [];
    const messages = [message(1, 2), message(3, 3), message(6, 1)].map((one, offset) => ({ ...one, offset: String(offset) }));
    const payload = {
      batch: { messages },
      resolveOffset: (offset: string) => resolved.push(offset),
      heartbeat: async () => undefined,
      isRunning: () => true,
      isStale: () => false,
    } as unknown as Parameters<typeof handle>[0];
    await expect(handle(payload)).rejects.toThrow('later');
    expect([got, resolved]).toEqual([[1, 2], ['0']]);
    fail = false;
    await handle(payload);
    expect([got, resolved]).toEqual([
      [1, 2, 3, 4, 5, 6],
      ['0', '0', '1', '2'],
    ]);
  });
});
