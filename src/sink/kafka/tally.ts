import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { bodyName, listSegments } from '../../spool/layout.js';
import { scanBody } from '../../spool/scan.js';
import type { RecordName } from '../../spool/segment.js';
import { SequenceSet } from '../file/sequences.js';
import type { HourTally, SequenceSpan } from '../sink.js';
import { originOf, sentAfter, type TopicReader } from './inventory.js';
import { HEADERS } from './message.js';

/** What is known of one epoch. */
interface Epoch {
  readonly wanted: SequenceSet;
  readonly seen: SequenceSet;
  readonly hours: Map<string, { -readonly [K in keyof HourTally]: HourTally[K] }>;
}

/** Counts what the topics have of these sequences, by reading them since `sinceMs`, ms since 1970. */
export async function tallyTopics(
  reader: TopicReader,
  topics: ReadonlyMap<RecordName, string>,
  spans: readonly SequenceSpan[],
  sinceMs: number,
): Promise<HourTally[]> {
  const epochs = new Map<string, Epoch>();
  const keyOf = (node: string, epoch: string): string => JSON.stringify([node, epoch]);
  for (const { node, epoch, first, last } of spans) {
    const key = keyOf(node, epoch);
    const found = epochs.get(key) ?? { wanted: new SequenceSet(), seen: new SequenceSet(), hours: new Map() };
    epochs.set(key, found);
    found.wanted.add(Number(first), Number(last));
  }
  for (const [record, topic] of topics) {
    for (let partition = 0; partition < reader.partitions(topic); partition++) {
      const { first, end } = await reader.offsets(topic, partition);
      const begin = (await reader.offsetAt(topic, partition, sinceMs)) ?? end;
      await reader.read(topic, partition, Math.max(first, begin), end, (message) => {
        const origin = originOf(message);
        if (origin === undefined || message.value === null) return;
        const { node, epoch } = origin;
        const known = epochs.get(keyOf(node, epoch));
        const last = origin.first + origin.count - 1;
        const missing = known?.wanted.missing(origin.first, last);
        if (known === undefined || missing?.reduce((sum, [from, to]) => sum + to - from + 1, 0) === origin.count) return;
        eachEvent(message.value, String(message.headers[HEADERS.framing]), (sequence, seconds) => {
          if (!known.wanted.has(sequence)) return;
          const hour = Math.floor(seconds / 3600) * 3600;
          const key = `${record} ${hour}`;
          const tally = known.hours.get(key) ?? { node, epoch, record, hour, events: 0, distinct: 0 };
          known.hours.set(key, tally);
          tally.events++;
          tally.distinct += known.seen.add(sequence, sequence);
        });
      });
    }
  }
  return [...epochs.values()].flatMap(({ hours }) => [...hours.values()]);
}

function eachEvent(value: Buffer, framing: string, each: (sequence: number, seconds: number) => void): void {
  const body = framing === 'event' ? Buffer.concat([varint(value.length), value]) : value;
  if (scanBody(body, each) !== body.length) throw new RangeError('A message ends inside an event.');
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}

/** No message with an event of the spool can be older, ms since 1970; 0 when the spool is empty. `nowMs`: the believed time. */
export async function spoolBegan(spool: string, nowMs: number): Promise<number> {
  for (const { id, record, hasBody } of await listSegments(spool)) {
    if (!hasBody) continue;
    const path = join(spool, bodyName(id, record));
    try {
      if ((await stat(path)).size > 0) return await sentAfter(path, nowMs);
    } catch (error) {
      // Removed meanwhile, since every sink has it.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return 0;
}
