import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { FileSink, type FileSinkOptions } from '../../../../src/sink/file/sink.js';
import type { RecordName, Segment } from '../../../../src/spool/segment.js';
import { EPOCH, makeBatch } from '../../support/batches.js';

/** A sealed segment's file in `dir`, and what the spool would say of it. */
export function makeSegment(
  dir: string,
  id: number,
  first: number,
  count: number,
  record: RecordName = 'conn',
  epoch = EPOCH,
  node = 'node-a',
): Segment {
  const { body } = makeBatch(BigInt(first), count, record, epoch, node);
  const path = join(dir, `${id}.${record}.pb`);
  writeFileSync(path, body);
  return {
    id,
    record,
    node,
    epoch,
    ranges: [{ first: BigInt(first), last: BigInt(first + count - 1) }],
    count,
    bytes: body.length,
    sha256: createHash('sha256').update(body).digest('hex'),
    chain: '',
    path,
  };
}

/** A sink of `dir`/out that rotates only when asked to. */
export function makeSink(dir: string, options: Partial<FileSinkOptions> = {}): FileSink {
  return new FileSink({
    dir: join(dir, 'out'),
    format: 'jsonl',
    compression: 'gzip',
    rotateBytes: 1 << 30,
    rotateAgeMs: 3_600_000,
    keepBytes: 0,
    keepFiles: 0,
    ...options,
  });
}

/** Names of the files that people see, ascending. */
export function namesIn(dir: string): string[] {
  return readdirSync(join(dir, 'out'))
    .filter((name) => !name.startsWith('.'))
    .sort();
}

/** Every line of the JSON files, unfinished ones included, as objects. */
export function linesIn(dir: string): Record<string, unknown>[] {
  return namesIn(dir).flatMap((name) => {
    const bytes = readFileSync(join(dir, 'out', name));
    const text = (name.includes('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  });
}

export function sequencesIn(dir: string): number[] {
  return linesIn(dir).map(({ sequence }) => Number(sequence));
}

/** The numbers from `first` to `last`. */
export function upTo(last: number, first = 1): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
