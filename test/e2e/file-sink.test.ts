import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { FileSink } from '../../src/sink/file/sink.js';
import { listSealed } from '../../src/spool/catalog.js';
import { nextEvent } from '../../src/wire/batch.js';
import { toBigInt, v1 } from '../../src/wire/proto.js';
import { pause, until } from '../support/patience.js';
import { collectorOf, delivered } from './collector-api.js';
import { Vslog } from './support/vslog.js';

let vslog: Vslog | undefined;

afterEach(() => vslog?.clean());

interface Message {
  readonly sequence: number;
  readonly bytes: Buffer;
}

/** The events of a length-delimited stream. */
function messagesOf(body: Buffer, record: string): Message[] {
  const type = record === 'conn' ? v1.ConnEvent : v1.ControlEvent;
  const found: Message[] = [];
  for (let at = 0; at < body.length; ) {
    const { start, end } = nextEvent(body, at);
    found.push({ sequence: Number(toBigInt(type.decode(body.subarray(start, end)).sequence)), bytes: body.subarray(at, end) });
    at = end;
  }
  return found;
}

/** The finished and unfinished files of a record type, in the order of their names. */
function filesOf(dir: string, record: string): Buffer[] {
  return readdirSync(dir)
    .filter((name) => name.startsWith(`${record}-`))
    .sort()
    .map((name) => readFileSync(join(dir, name)));
}

describe('the file sink of a collector that is killed under load', () => {
  it.each(['jsonl', 'protobuf'] as const)('has every event exactly once (%s)', async (format) => {
    vslog = new Vslog();
    const files = join(vslog.dir, 'files');
    const collect = [
      ...['collect', '--store', 'none', '--spool-max-bytes', '1T', '--segment-age', '60ms', '--drain', '1h'],
      ...['--file-dir', files, '--file-format', format, '--file-compression', format === 'jsonl' ? 'gzip' : 'none'],
      ...['--file-rotate-bytes', format === 'jsonl' ? '64K' : '256K'],
    ];
    const source = ['capture', '--source', 'scripted', '--scripted-rate', '4000'];
    // Without an end: it must not run dry before the last kill, however long the rounds take.
    const endless = vslog.start(...source);
    await endless.says(/ready/);
    for (let round = 0; round < 5; round++) {
      const collector = vslog.start(...collect);
      await collector.says(/ready/);
      const before = names(files);
      await until('the files grow', () => names(files) !== before);
      await pause(200 * round, 'another moment in each round');
      await collector.end('SIGKILL');
    }
    await endless.end();
    // It has made more than one event by now and makes no other; what the collector lacks is in the journal.
    const capture = vslog.start(...source, '--scripted-events', '1');
    await capture.says(/ready/);
    const collector = vslog.start(...collect);
    await collector.says(/ready/);
    await delivered(collectorOf(vslog));
    expect(await collector.end()).toBe(0);
    await capture.end();

    const spool = join(vslog.dir, 'data', 'spool');
    const segments = await listSealed(spool);
    for (const record of ['conn', 'control'] as const) {
      const expected = new Map<number, Buffer>();
      for (const segment of segments)
        if (segment.record === record)
          for (const { sequence, bytes } of messagesOf(readFileSync(segment.path), record)) expected.set(sequence, bytes);
      expect(expected.size).toBeGreaterThan(record === 'conn' ? 1000 : 0);
      const bodies = filesOf(files, record);
      if (record === 'conn') expect(bodies.length).toBeGreaterThan(3);
      let events = 0;
      const seen = new Set<number>();
      for (const body of bodies) {
        if (format === 'protobuf') {
          for (const { sequence, bytes } of messagesOf(body, record)) {
            events++;
            seen.add(sequence);
            if (expected.get(sequence)?.equals(bytes) !== true) throw new Error(`Event ${sequence} is another than in the spool.`);
          }
        } else {
          const text = gunzipSync(body).toString();
          expect(text.endsWith('\n')).toBe(true);
          for (const line of text.slice(0, -1).split('\n')) {
            const { sequence, record: type } = JSON.parse(line) as { sequence: number; record: string };
            expect(type).toBe(record);
            events++;
            seen.add(sequence);
          }
        }
      }
      expect({ events, distinct: seen.size }).toEqual({ events: expected.size, distinct: expected.size });
      for (const sequence of expected.keys()) if (!seen.has(sequence)) throw new Error(`Event ${sequence} is in no file.`);
    }

    const sink = new FileSink({
      ...{ dir: files, format, compression: 'gzip', rotateBytes: 1, rotateAgeMs: 1, keepBytes: 0, keepFiles: 0 },
    });
    const spans = segments.flatMap(({ node, epoch, ranges }) => ranges.map((range) => ({ node, epoch, ...range })));
    const tally = await sink.tally(spans);
    await sink.close();
    const total = segments.reduce((sum, { count }) => sum + count, 0);
    expect(tally.reduce((sum, { events }) => sum + events, 0)).toBe(total);
    expect(tally.reduce((sum, { distinct }) => sum + distinct, 0)).toBe(total);
  });
});

/** What is in a folder, as long as it can be listed. */
function names(dir: string): string {
  try {
    return readdirSync(dir).sort().join();
  } catch {
    return '';
  }
}
