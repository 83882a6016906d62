import { createHash } from 'node:crypto';
import { chmodSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { unpacked } from '../../../../src/sink/file/compression.js';
import type { FileCompression } from '../../../../src/sink/file/names.js';
import type { RecordName, Segment } from '../../../../src/spool/segment.js';
import { EPOCH } from '../../support/batches.js';
import { bytesOf, makePeople, targetOf } from '../../support/people.js';
import { withDirectory } from '../../support/temporary.js';
import { linesIn, makeSink, namesIn } from './files.js';

const PERSON = '203.0.113.7';
const OTHER = '198.51.100.9';

function segmentOf(dir: string, id: number, first: number, clients: readonly string[], record: RecordName = 'conn'): Segment {
  const { body, node, count } = makePeople(BigInt(first), clients, record);
  const path = join(dir, `${id}.${record}.pb`);
  writeFileSync(path, body);
  const sha256 = createHash('sha256').update(body).digest('hex');
  const ranges = [{ first: BigInt(first), last: BigInt(first + count - 1) }];
  return { id, record, node, epoch: EPOCH, ranges, count, bytes: body.length, sha256, chain: '', path };
}

async function contentOf(path: string, compression: FileCompression): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of unpacked(path, compression)) pieces.push(piece);
  return Buffer.concat(pieces);
}

const SPAN = { node: 'node-a', epoch: EPOCH, first: 1n, last: 100n };

describe.each(['jsonl', 'protobuf'] as const)('files of %s', (format) => {
  it.each(['none', 'gzip', 'zstd'] as const)('lose a person and keep their counts (%s)', async (compression) => {
    await withDirectory(async (dir) => {
      const out = join(dir, 'out');
      const sink = makeSink(dir, { format, compression });
      const segments = [
        segmentOf(dir, 1, 1, [PERSON, OTHER, PERSON]),
        segmentOf(dir, 2, 4, [PERSON, OTHER], 'control'),
        segmentOf(dir, 3, 6, [OTHER, OTHER, PERSON]),
      ];
      for (const segment of segments) await sink.deliver(segment);
      const tally = await sink.tally([SPAN]);
      const target = targetOf([PERSON]);
      expect(await sink.erasure.count(target)).toEqual({ events: 3, connections: 3 });
      const [conn = ''] = namesIn(dir);
      chmodSync(join(out, conn), 0o640);
      const before = new Map(namesIn(dir).map((name) => [name, statSync(join(out, name)).ino]));
      expect(await sink.erasure.erase(target, () => undefined)).toBe(3);
      expect(namesIn(dir)).toEqual([...before.keys()]);
      expect(statSync(join(out, conn)).mode & 0o777).toBe(0o640);
      for (const name of namesIn(dir)) {
        const plain = await contentOf(join(out, name), compression);
        expect(plain.includes(PERSON), name).toBe(false);
        expect(plain.includes(Buffer.from(bytesOf(PERSON))), name).toBe(false);
        expect(statSync(join(out, name)).ino).not.toBe(before.get(name));
      }
      expect(await sink.tally([SPAN])).toEqual(tally);
      expect(await sink.erasure.count(target)).toEqual({ events: 0, connections: 0 });
      // Files without the person are not touched, and what comes later and again is written as ever.
      const others = namesIn(dir).map((name) => statSync(join(out, name)).ino);
      expect(await sink.erasure.erase(target, () => undefined)).toBe(0);
      expect(namesIn(dir).map((name) => statSync(join(out, name)).ino)).toEqual(others);
      for (const segment of segments) expect(await sink.restore(segment)).toBe(0);
      await sink.deliver(segmentOf(dir, 4, 9, [PERSON]));
      expect((await sink.tally([SPAN])).reduce((sum, { events }) => sum + events, 0)).toBe(9);
      expect(readdirSync(join(out, '.vslog'))).not.toContain('erase.half');
      await sink.close();
    });
  });
});

it('leaves of a line what is left of the event, and of a command line all but the address', async () => {
  await withDirectory(async (dir) => {
    const sink = makeSink(dir);
    await sink.deliver(segmentOf(dir, 1, 1, [PERSON, OTHER]));
    await sink.deliver(segmentOf(dir, 2, 3, [PERSON, OTHER], 'control'));
    const before = linesIn(dir);
    await sink.erasure.erase(targetOf([PERSON]), () => undefined);
    const after = linesIn(dir);
    await sink.close();
    const { node, epoch, record, time, sequence, conn_id } = before[0] as Record<string, unknown>;
    expect(after[0]).toMatchObject({
      node,
      epoch,
      record,
      kind: 'erased',
      time,
      sequence,
      conn_id,
      client_addr: '',
      client_port: 0,
      real_addr: '',
    });
    expect(Object.keys(after[0] ?? {})).toEqual(Object.keys(before[0] ?? {}));
    expect([after[1], after[3]]).toEqual([before[1], before[3]]);
    expect(after[2]).toEqual({ ...before[2], command: 'vslog knob set drop_entry=1 --for xxxxxxxxxxx' });
  });
});
