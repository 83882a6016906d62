import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import type { Span } from '../../../../src/sink/file/sequences.js';
import { Contents } from '../../../../src/sink/kafka/contents.js';
import { type Standing, standingOf } from '../../../../src/sink/kafka/standing.js';
import type { ProducerState } from '../../../../src/sink/kafka/state.js';
import type { RecordName, Segment } from '../../../../src/spool/segment.js';
import { withDirectory } from '../../support/temporary.js';
import { MemoryTopic } from './topic.js';

const TOPICS: ReadonlyMap<RecordName, string> = new Map([['conn', 't']]);
const NOW = Date.now();

let topic: MemoryTopic;
beforeEach(() => {
  topic = new MemoryTopic();
});

/** A message of ten events. */
function write(first: number, sequence: number, { node = 'n', epoch = 'e', producer = '7' } = {}): void {
  topic.messages.push({ node, epoch, first, count: 10, producer, sequence, timeMs: NOW });
}

/** After five messages of producer 7. */
const STATE: ProducerState = {
  cluster: 'c',
  identity: { id: '7', epoch: 0 },
  plan: 'p',
  sequences: { 't/0': 5 },
  segment: { id: 5, sha256: 'a', node: 'n' },
  position: { offset: 1, events: 10 },
  whole: true,
  marks: { 't/0': { offset: 5, newest: { offset: 4, producer: '7', sequence: 4 } } },
  savedMs: NOW,
};

function segment(first: number, more: Partial<Segment> = {}): Segment {
  const ranges = [{ first: BigInt(first), last: BigInt(first + 9) }];
  return {
    ...{ id: 6, record: 'conn', node: 'n', epoch: 'e', ranges, count: 10, bytes: 1 },
    ...{ sha256: 's', chain: '', path: '' },
    ...more,
  };
}

function stand(state: ProducerState, next: readonly Span[] | undefined = [[51, 60]]): Promise<Standing> {
  return standingOf({ reader: topic, topics: TOPICS, state, segment: segment(51), next: async () => next, newest: async () => 6 });
}

const five = (): void => {
  for (let i = 0; i < 5; i++) write(i * 10 + 1, i);
};

it('is the last one when nothing of ours came after it; only that is read', async () => {
  five();
  expect(await stand(STATE)).toMatchObject({ last: true, more: false });
  expect(topic.handed).toBe(1);
  write(1, 0, { node: 'other', producer: '8' });
  expect(await stand(STATE)).toMatchObject({ last: true, more: false });
});

it('is the last one when what came after it is what is sent next', async () => {
  five();
  write(51, 5);
  expect(await stand(STATE)).toMatchObject({ last: true, more: true });
});

it.each([
  ['other events under the same sequence', 61, 5, {}],
  ['the same events of another epoch', 51, 5, { epoch: 'f' }],
  ['another producer of ours', 51, 0, { producer: '9' }],
  ['a later sequence', 51, 6, {}],
  ['our producer under another name of the node', 51, 5, { node: 'renamed' }],
] as const)('is not the last one when there is more: %s', async (_what, first, sequence, more) => {
  five();
  write(first, sequence, more);
  const standing = await stand(STATE);
  expect(standing).toMatchObject({ last: false, more: true, why: expect.stringMatching(/more than the state on disk knows of/) });
});

it('is not the last one when more came than is on its way at a time, and what came is known', async () => {
  five();
  write(51, 5);
  write(61, 6);
  const { last, contents } = await stand(STATE);
  expect(last).toBe(false);
  const absent = (first: number): Promise<number> => contents.absent(topic, segment(first), async () => 6).then(({ size }) => size);
  expect([await absent(51), await absent(56), await absent(61), await absent(71)]).toEqual([0, 0, 0, 10]);
});

it('knows of a segment that was begun what was confirmed of it, beside what came after that', async () => {
  five();
  write(51, 5);
  write(61, 6);
  const ranges = [{ first: 41n, last: 90n }];
  const begun = segment(41, { ranges, count: 50 });
  const half = { ...STATE, segment: { id: 6, sha256: 's', node: 'n' }, whole: false };
  const lacks = async (state: ProducerState): Promise<readonly Span[]> => {
    const question = { reader: topic, topics: TOPICS, segment: begun, next: async () => [[51, 60]] as const, newest: async () => 6 };
    const { last, contents } = await standingOf({ ...question, state });
    expect(last).toBe(false);
    return (await contents.absent(topic, begun, async () => 6)).spans;
  };
  expect(await lacks(half)).toEqual([[71, 90]]);
  expect(await lacks({ ...half, absent: [[41, 80]] })).toEqual([[71, 80]]);
});

it('tells a topic that was made anew, shorter or longer than it was, from the one that it speaks of', async () => {
  write(1, 0);
  expect(await stand(STATE)).toMatchObject({ last: false, changed: 't' });
  for (let i = 0; i < 9; i++) write(i * 10 + 1, i, { producer: '9' });
  expect(await stand(STATE)).toMatchObject({ last: false, changed: 't' });
});

it('says when the topic has deleted what nobody compared, but not when it deleted what is known', async () => {
  five();
  topic.first = 5;
  expect(await stand(STATE)).toMatchObject({ last: true });
  write(51, 5);
  write(61, 6);
  topic.first = 6;
  const { last, why, contents } = await stand(STATE);
  expect([last, why]).toEqual([false, 'topic t has deleted messages that nobody has compared']);
  // 51 to 60 may have been there; 61 to 70 are, so what comes afterwards was not deleted.
  for (const first of [51, 61, 71]) {
    const one = segment(first);
    const { size } = await contents.absent(topic, one, async () => 6);
    contents.pass(one, size);
  }
  expect([...contents.notes().unproven]).toEqual([['t', 10]]);
});

it('tells how far the reading is', async () => {
  five();
  for (let i = 0; i < 10; i++) write(1000 + i * 10, i, { node: 'other', producer: '8' });
  const shares: number[] = [];
  let reading: Contents | undefined;
  const read = topic.read.bind(topic);
  topic.read = (name, partition, from, end, each) =>
    read(name, partition, from, end, (message) => {
      each(message);
      const { share } = reading?.notes().reading ?? { share: -1 };
      shares.push(share);
    });
  const heard = (contents: Contents): void => {
    reading = contents;
  };
  await standingOf({
    ...{ reader: topic, topics: TOPICS, state: STATE, segment: segment(51) },
    ...{ next: async () => undefined, newest: async () => 6 },
    reading: heard,
  });
  expect(shares).toEqual([-1, 0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]);
  expect(reading?.notes().reading).toBeUndefined();
});

it('keeps what the topic has for the next process, in few spans or as a place to read from', async () => {
  five();
  write(51, 5);
  write(61, 6);
  const { contents } = await stand(STATE);
  expect(contents.rest()).toEqual({ known: [{ topic: 't', node: 'n', epochs: [['e', [[51, 70]]]] }], look: {} });
  contents.pass(segment(51), 0);
  const { known } = contents.rest();
  expect(known).toEqual([{ topic: 't', node: 'n', epochs: [['e', [[61, 70]]]] }]);
  const next = { ...STATE, marks: { 't/0': { offset: 7 } }, sequences: {} };
  const again = await stand({ ...next, known });
  expect(again.last).toBe(true);
  expect((await again.contents.absent(topic, segment(61), async () => 6)).size).toBe(0);
  for (let i = 0; i < 600; i++) write(1000 + i * 20, i);
  const many = await stand(STATE);
  expect(many.contents.rest()).toEqual({ known: [], look: { 't/0': 5 } });
  const read = await stand({ ...STATE, marks: { 't/0': { offset: topic.messages.length } }, look: { 't/0': 5 } });
  expect(read.last).toBe(true);
  expect((await read.contents.absent(topic, segment(1000), async () => 6)).size).toBe(0);
  expect((await read.contents.absent(topic, segment(1010), async () => 6)).size).toBe(10);
});

it('reads a topic that it knows nothing of from before the segment on, and from its beginning where the clock was wrong', async () => {
  await withDirectory(async (dir) => {
    const path = join(dir, 'body');
    writeFileSync(path, '');
    topic.messages.push({ ...{ node: 'n', epoch: 'e', first: 1, count: 10 }, producer: '7', sequence: 0, timeMs: NOW - 7_200_000 });
    write(11, 1);
    const lacks = async (first: number, more: Partial<Segment> = {}): Promise<number> =>
      (await new Contents(TOPICS, new Map(), []).absent(topic, segment(first, { path, ...more }), async () => 6)).size;
    expect([await lacks(1), await lacks(11)]).toEqual([10, 0]);
    const { utimesSync } = await import('node:fs');
    utimesSync(path, new Date('2099-01-01'), new Date('2099-01-01'));
    expect([await lacks(1), await lacks(11)]).toEqual([0, 0]);
  });
});
