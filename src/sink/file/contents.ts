import { scanBody } from '../../spool/scan.js';
import type { HourTally } from '../sink.js';
import { unpacked } from './compression.js';
import type { FileName } from './names.js';
import { SequenceSet, type Span } from './sequences.js';

/** A file to read, up to a length. */
export interface FileToRead {
  readonly path: string;
  readonly name: FileName;
  /** What counts of it; undefined: all. */
  readonly bytes: number | undefined;
}

/** Sequences of one epoch. */
export interface EpochSpans {
  readonly node: string;
  readonly epoch: string;
  readonly spans: readonly Span[];
}

/** The sequences in a file. Rejects when the file is damaged. */
export async function indexFile(file: FileToRead): Promise<EpochSpans[]> {
  const found = new Epochs(() => new SequenceSet());
  await readFileEvents(file, (node, epoch, sequence) => found.of(node, epoch).add(sequence, sequence));
  return found.all().map(({ node, epoch, value }) => ({ node, epoch, spans: value.spans }));
}

/** Counts the events in files that are among `wanted`, by the hour of their own time. */
export async function tallyFiles(files: readonly FileToRead[], wanted: readonly EpochSpans[]): Promise<HourTally[]> {
  const asked = new Epochs(() => new SequenceSet());
  for (const { node, epoch, spans } of wanted) for (const [first, last] of spans) asked.of(node, epoch).add(first, last);
  const seen = new Epochs(() => ({
    sequences: new SequenceSet(),
    hours: new Map<string, { hour: number; record: FileName['record']; events: number; distinct: number }>(),
  }));
  for (const file of files) {
    const { record } = file.name;
    await readFileEvents(file, (node, epoch, sequence, seconds) => {
      if (!asked.of(node, epoch).has(sequence)) return;
      const { sequences, hours } = seen.of(node, epoch);
      const hour = Math.floor(seconds / 3600) * 3600;
      const key = `${record} ${hour}`;
      const tally = hours.get(key) ?? { hour, record, events: 0, distinct: 0 };
      tally.events++;
      tally.distinct += sequences.add(sequence, sequence);
      hours.set(key, tally);
    });
  }
  return seen.all().flatMap(({ node, epoch, value }) => [...value.hours.values()].map((tally) => ({ node, epoch, ...tally })));
}

type EachEvent = (node: string, epoch: string, sequence: number, seconds: number) => void;

async function readFileEvents({ path, name, bytes }: FileToRead, each: EachEvent): Promise<void> {
  const { node = '', epoch = '' } = name;
  const take =
    name.format === 'jsonl'
      ? lines(each)
      : (body: Buffer): number => scanBody(body, (sequence, seconds) => each(node, epoch, sequence, seconds));
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of unpacked(path, name.compression, bytes)) {
      const body = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      rest = body.subarray(take(body));
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw error; // it was removed, or has its final name now
    throw new Error(`${path} cannot be read: ${(error as Error).message}.`);
  }
  if (rest.length > 0) throw new Error(`${path} ends inside an event.`);
}

const LINE_FEED = 10;
const TIME = Buffer.from(',"time":"');
const SEQUENCE = Buffer.from('","sequence":');
const RECORD = Buffer.from(',"record":"');

/** Reads whole lines as json-line.ts writes them: only what is asked for, since a file has millions. */
function lines(each: EachEvent): (body: Buffer) => number {
  let head: Buffer = Buffer.alloc(0);
  let [node, epoch] = ['', ''];
  let hour = Buffer.alloc(0);
  let hourSeconds = 0;
  return (body) => {
    let at = 0;
    for (let end = body.indexOf(LINE_FEED, at); end >= 0; end = body.indexOf(LINE_FEED, at)) {
      if (head.length === 0 || body.compare(head, 0, head.length, at, at + head.length) !== 0) {
        const whole = JSON.parse(body.toString('utf8', at, end)) as { node: string; epoch: string };
        ({ node, epoch } = whole);
        // Up to the record's name: what comes before it is the same in all lines of an epoch.
        head = Buffer.from(body.subarray(at, body.indexOf(RECORD, at)));
      }
      const timeAt = body.indexOf(TIME, at + head.length) + TIME.length;
      // "2026-01-01T00" is the hour.
      if (hour.length === 0 || body.compare(hour, 0, hour.length, timeAt, timeAt + hour.length) !== 0) {
        hour = Buffer.from(body.subarray(timeAt, timeAt + 13));
        hourSeconds = Date.parse(`${hour.toString('latin1')}:00:00Z`) / 1000;
      }
      let digit = body.indexOf(SEQUENCE, timeAt) + SEQUENCE.length;
      let sequence = 0;
      for (let code = body[digit]; code !== undefined && code >= 48 && code <= 57; code = body[++digit])
        sequence = sequence * 10 + code - 48;
      if (digit > end || Number.isNaN(hourSeconds))
        throw new RangeError(`A line is none of ours: ${body.toString('utf8', at, Math.min(end, at + 80))}`);
      each(node, epoch, sequence, hourSeconds);
      at = end + 1;
    }
    return at;
  };
}

/** A value for each node and epoch. */
class Epochs<T> {
  private readonly values = new Map<string, { node: string; epoch: string; value: T }>();
  private readonly make: () => T;
  private last: { node: string; epoch: string; value: T } | undefined;

  constructor(make: () => T) {
    this.make = make;
  }

  of(node: string, epoch: string): T {
    if (this.last !== undefined && this.last.node === node && this.last.epoch === epoch) return this.last.value;
    const key = JSON.stringify([node, epoch]);
    this.last = this.values.get(key) ?? { node, epoch, value: this.make() };
    this.values.set(key, this.last);
    return this.last.value;
  }

  all(): { node: string; epoch: string; value: T }[] {
    return [...this.values.values()];
  }
}
