import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { scanBody } from '../../spool/scan.js';
import type { RecordName } from '../../spool/segment.js';
import { nextEvent } from '../../wire/batch.js';
import { toBigInt, v1 } from '../../wire/proto.js';
import { compressor } from './compression.js';
import { TargetError, UnreadableSegment } from './failure.js';
import { lineWriter } from './json-line.js';
import type { FileStyle } from './names.js';
import { SequenceSet, type Span } from './sequences.js';

/** Bytes that are compressed and written at a time, about. */
const PIECE = 1 << 20;

/** One segment to the end of one file. */
export interface AppendJob extends FileStyle {
  readonly segment: number;
  /** The segment's body. */
  readonly source: string;
  readonly record: RecordName;
  readonly node: string;
  readonly epoch: string;
  /** Events that the segment says it has. */
  readonly count: number;
  /** Only these sequences; null: all. */
  readonly only: readonly Span[] | null;
  /** The file, which is there. */
  readonly target: string;
  /** What the file has; anything behind it is cut off first. */
  readonly offset: number;
}

export interface Appended {
  /** Length of the file. */
  readonly bytes: number;
  /** Events added to it. */
  readonly events: number;
}

/**
 * Adds the events of a segment to a file. The file is durable when it resolves; when it rejects the file is as it was, or is cut by the next call. Rejects with
 * UnreadableSegment when the segment's content is at fault, and with TargetError when the file cannot be written.
 */
export async function append(job: AppendJob): Promise<Appended> {
  const file = await open(job.target, 'r+').catch(asTargetError);
  let output: Output | undefined;
  try {
    await file.truncate(job.offset).catch(asTargetError);
    output = new Output(file, job.offset, await compressor(job.compression));
    const events = await writeEvents(job, output);
    await output.finish();
    await file.datasync().catch(asTargetError);
    return { bytes: output.position, events };
  } catch (error) {
    // A piece that is still being written would be there again.
    await output?.finish().catch(() => undefined);
    await file.truncate(job.offset).catch(() => undefined); // the next call does it again
    throw error;
  } finally {
    await file.close().catch(() => undefined);
  }
}

/** Pieces in order, one being compressed and written while the next is made. */
class Output {
  position: number;
  private readonly file: FileHandle;
  private readonly compress: (piece: Buffer) => Promise<Uint8Array>;
  private writing: Promise<void> = Promise.resolve();

  constructor(file: FileHandle, position: number, compress: (piece: Buffer) => Promise<Uint8Array>) {
    this.file = file;
    this.position = position;
    this.compress = compress;
  }

  async put(piece: Buffer): Promise<void> {
    await this.writing;
    this.writing = this.write(piece);
    this.writing.catch(() => undefined); // told by the next put() or finish()
  }

  finish(): Promise<void> {
    return this.writing;
  }

  private async write(piece: Buffer): Promise<void> {
    const bytes = await this.compress(piece);
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.file.write(bytes, done, bytes.length - done, this.position).catch(asTargetError);
      done += bytesWritten;
      this.position += bytesWritten;
    }
  }
}

async function writeEvents(job: AppendJob, output: Output): Promise<number> {
  const wanted = job.only === null ? undefined : new SequenceSet(job.only);
  const form = job.format === 'jsonl' ? new Lines(job, wanted) : new Messages(job, wanted);
  let seen = 0;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of readSegment(job)) {
    const body: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let used = 0;
    try {
      const before = seen;
      used = scanBody(body, () => {
        seen++;
      });
      if (seen > before) for (const piece of form.pieces(body.subarray(0, used))) await output.put(piece);
    } catch (error) {
      if (error instanceof TargetError) throw error;
      throw new UnreadableSegment(`Segment ${job.segment} cannot be read as ${job.record} events: ${(error as Error).message}`);
    }
    rest = body.subarray(used);
  }
  if (rest.length > 0) throw new UnreadableSegment(`Segment ${job.segment} ends inside an event.`);
  if (seen !== job.count)
    throw new UnreadableSegment(`Segment ${job.segment} says that it has ${job.count} events, but its file has ${seen}.`);
  return form.events;
}

async function* readSegment({ segment, source }: AppendJob): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of createReadStream(source, { highWaterMark: PIECE })) yield chunk as Buffer;
  } catch (error) {
    throw new Error(`Segment ${segment} cannot be read from the spool: ${(error as Error).message}.`);
  }
}

/** Turns whole events into what is written of them. */
interface Form {
  /** Events taken so far. */
  readonly events: number;
  pieces(body: Buffer): Iterable<Buffer>;
}

class Lines implements Form {
  events = 0;
  private readonly record: RecordName;
  private readonly line: (message: Uint8Array) => string;
  private readonly wanted: SequenceSet | undefined;

  constructor({ record, node, epoch }: AppendJob, wanted: SequenceSet | undefined) {
    this.record = record;
    this.line = lineWriter(record, node, epoch);
    this.wanted = wanted;
  }

  *pieces(body: Buffer): Generator<Buffer> {
    let text = '';
    for (let at = 0; at < body.length; ) {
      const { start, end } = nextEvent(body, at);
      const message = body.subarray(start, end);
      at = end;
      if (this.wanted !== undefined && !this.wanted.has(sequenceOf(this.record, message))) continue;
      text += this.line(message);
      this.events++;
      if (text.length < PIECE) continue;
      yield Buffer.from(text);
      text = '';
    }
    if (text !== '') yield Buffer.from(text);
  }
}

class Messages implements Form {
  events = 0;
  private readonly record: RecordName;
  private readonly wanted: SequenceSet | undefined;

  constructor({ record }: AppendJob, wanted: SequenceSet | undefined) {
    this.record = record;
    this.wanted = wanted;
  }

  *pieces(body: Buffer): Generator<Buffer> {
    const parts: Buffer[] = [];
    for (let at = 0; at < body.length; ) {
      const { start, end } = nextEvent(body, at);
      if (this.wanted === undefined || this.wanted.has(sequenceOf(this.record, body.subarray(start, end)))) {
        this.events++;
        if (this.wanted !== undefined) parts.push(body.subarray(at, end));
      }
      at = end;
    }
    const piece = this.wanted === undefined ? body : Buffer.concat(parts);
    if (piece.length > 0) yield piece;
  }
}

function sequenceOf(record: RecordName, message: Uint8Array): number {
  const event = record === 'conn' ? v1.ConnEvent.decode(message) : v1.ControlEvent.decode(message);
  return Number(toBigInt(event.sequence));
}

function asTargetError(error: NodeJS.ErrnoException): never {
  throw new TargetError(error.message, error.code ?? '');
}
