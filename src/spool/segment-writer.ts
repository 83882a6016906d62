import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { openToWrite } from '../access/readers.js';
import type { Batch } from '../wire/batch.js';
import {
  chainValue,
  ENTRY_SIZE,
  encodeEntry,
  encodeFooter,
  encodeHeader,
  type IndexEntry,
  type IndexFooter,
  type IndexHeader,
  type LogPosition,
  rangesOf,
} from './index-file.js';
import { bodyName, indexName } from './layout.js';
import type { Segment, SequenceRange } from './segment.js';

/** A segment being written: `flush` writes what was staged, then either `commit` keeps it or `rollback` cuts it off again. */
export class SegmentWriter {
  readonly header: IndexHeader;
  readonly path: string;
  private readonly body: FileHandle;
  private readonly index: FileHandle;
  private readonly hash: Hash;
  private readonly entries: IndexEntry[];
  private bodyLength: number;
  private indexLength: number;
  private count: number;
  private staged: Batch[] = [];
  private stagedBytes = 0;
  /** Written since the last sync. */
  private unsynced = false;

  private constructor(header: IndexHeader, path: string, body: FileHandle, index: FileHandle, indexLength: number) {
    this.header = header;
    this.path = path;
    this.body = body;
    this.index = index;
    this.hash = createHash('sha256');
    this.entries = [];
    this.bodyLength = 0;
    this.indexLength = indexLength;
    this.count = 0;
  }

  /** Makes the two files. Their directory entries are durable only after the caller's sync of `dir`. */
  static async create(dir: string, header: IndexHeader): Promise<SegmentWriter> {
    const path = join(dir, bodyName(header.id, header.record));
    // 'w' and not 'wx': an earlier attempt on a full disk may have left an empty file behind.
    const index = await openToWrite(join(dir, indexName(header.id, header.record)), 'w');
    let body: FileHandle | undefined;
    try {
      const head = encodeHeader(header);
      await writeAll(index, [head], head.length, 0);
      body = await openToWrite(path, 'w');
      return new SegmentWriter(header, path, body, index, head.length);
    } catch (error) {
      await index.close();
      await body?.close();
      throw error;
    }
  }

  /** Opens the files of an unsealed segment and cuts off what follows `entries`, of which `content` is the body. */
  static async reopen(dir: string, header: IndexHeader, entries: readonly IndexEntry[], content: Buffer): Promise<SegmentWriter> {
    const path = join(dir, bodyName(header.id, header.record));
    const index = await open(join(dir, indexName(header.id, header.record)), 'r+');
    let body: FileHandle | undefined;
    try {
      body = await open(path, 'r+');
      const head = encodeHeader(header);
      const writer = new SegmentWriter(header, path, body, index, head.length + entries.length * ENTRY_SIZE);
      for (const entry of entries) {
        writer.entries.push(entry);
        writer.count += entry.count;
      }
      writer.bodyLength = content.length;
      writer.hash.update(content);
      await writer.rollback();
      // Whoever wrote it may not have synced it: no footer may speak of what a power cut could still take. Written once more, since after a sync that failed Linux takes for durable
      // what it could not write (fsync(2), EIO), and the next sync would say so.
      const rows = Buffer.allocUnsafe(entries.length * ENTRY_SIZE);
      for (const [i, entry] of entries.entries()) encodeEntry(entry, rows, i * ENTRY_SIZE);
      await writeAll(body, [content], content.length, 0);
      await writeAll(index, [head, rows], writer.indexLength, 0);
      writer.unsynced = true;
      return writer;
    } catch (error) {
      await index.close();
      await body?.close();
      throw error;
    }
  }

  get events(): number {
    return this.count;
  }

  get bytes(): number {
    return this.bodyLength;
  }

  stage(batch: Batch): void {
    this.staged.push(batch);
    this.stagedBytes += batch.body.length;
  }

  /** Writes what was staged: the bodies, then their entries. */
  async flush(): Promise<void> {
    if (this.staged.length === 0) return;
    const entries = Buffer.allocUnsafe(this.staged.length * ENTRY_SIZE);
    let offset = this.bodyLength;
    let at = 0;
    const bodies: Buffer[] = [];
    for (const batch of this.staged) {
      encodeEntry({ first: batch.first, count: batch.count, offset, length: batch.body.length, crc32c: batch.crc32c }, entries, at);
      bodies.push(batch.body);
      offset += batch.body.length;
      at += ENTRY_SIZE;
    }
    this.unsynced = true;
    await writeAll(this.body, bodies, this.stagedBytes, this.bodyLength);
    await writeAll(this.index, [entries], entries.length, this.indexLength);
  }

  /** Makes what was flushed durable. */
  async sync(): Promise<void> {
    if (!this.unsynced) return;
    // At once, so that they share one commit of the file system's journal; which is first does not matter, recovery checks entries against the body.
    await settleAll([this.body.datasync(), this.index.datasync()]);
    this.unsynced = false;
  }

  /** What was flushed counts from now on. */
  commit(): void {
    for (const batch of this.staged) {
      this.hash.update(batch.body);
      this.entries.push({
        first: batch.first,
        count: batch.count,
        offset: this.bodyLength,
        length: batch.body.length,
        crc32c: batch.crc32c,
      });
      this.bodyLength += batch.body.length;
      this.indexLength += ENTRY_SIZE;
      this.count += batch.count;
    }
    this.staged = [];
    this.stagedBytes = 0;
  }

  /** Cuts off whatever was written since the last commit. */
  async rollback(): Promise<void> {
    this.staged = [];
    this.stagedBytes = 0;
    await this.index.truncate(this.indexLength);
    await this.body.truncate(this.bodyLength);
  }

  /** Runs of sequences in it. */
  get ranges(): SequenceRange[] {
    return rangesOf(this.entries);
  }

  /**
   * Writes the footer, durable when `durable`, and closes the files. The caller has synced every segment of the run before, and `position` speaks of none that is sealed
   * later: a power cut must not leave a footer without what it speaks of.
   */
  async seal(previous: string, position: LogPosition | undefined, durable: boolean): Promise<Segment> {
    const sha256 = this.hash.copy().digest('hex');
    const part = { count: this.count, bytes: this.bodyLength, ranges: rangesOf(this.entries), sha256 };
    const footer: IndexFooter = { ...part, of: this.header, previous, chain: chainValue(previous, this.header, part), position };
    const bytes = encodeFooter(footer);
    await writeAll(this.index, [bytes], bytes.length, this.indexLength);
    if (durable) await this.index.datasync();
    await this.close();
    return segmentOf(this.header, footer, this.path);
  }

  async close(): Promise<void> {
    await this.index.close();
    await this.body.close();
  }
}

export function segmentOf(header: IndexHeader, footer: IndexFooter, path: string): Segment {
  return {
    id: header.id,
    record: header.record,
    node: header.node,
    epoch: header.epoch,
    ranges: footer.ranges,
    count: footer.count,
    bytes: footer.bytes,
    sha256: footer.sha256,
    chain: footer.chain,
    path,
    ...(footer.erased === undefined ? {} : { erased: footer.erased.events }),
  };
}

/** Waits for all of them, also when one fails: none may still be at work when the failure is dealt with. */
export async function settleAll(promises: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(promises)) if (result.status === 'rejected') throw result.reason;
}

/** Writes all of `buffers`: a short write, as on a nearly full disk, goes on until it is whole or fails. */
async function writeAll(file: FileHandle, buffers: Buffer[], total: number, position: number): Promise<void> {
  const { bytesWritten } = await file.writev(buffers, position);
  let written = bytesWritten;
  if (written === total) return;
  const whole = Buffer.concat(buffers);
  while (written < total) written += (await file.write(whole, written, total - written, position + written)).bytesWritten;
}
