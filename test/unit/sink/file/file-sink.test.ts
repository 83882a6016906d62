import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { decompress, init } from '@bokuweb/zstd-wasm';
import { describe, expect, it } from 'vitest';
import { SinkRejection } from '../../../../src/sink/sink.js';
import { until } from '../../../support/patience.js';
import { EPOCH, makeBatch } from '../../support/batches.js';
import { withDirectory } from '../../support/temporary.js';
import { linesIn, makeSegment, makeSink, namesIn, sequencesIn, upTo } from './files.js';

const SPAN = { node: 'node-a', epoch: EPOCH, first: 1n, last: 1000n };
/** The hour of makeBatch's events. */
const HOUR = 1_699_999_200;

describe('FileSink', () => {
  it('writes each segment once, however often it is delivered, and goes on after a restart', async () => {
    await withDirectory(async (dir) => {
      const segments = [makeSegment(dir, 1, 1, 50), makeSegment(dir, 2, 51, 10, 'control'), makeSegment(dir, 3, 61, 40)];
      let sink = makeSink(dir);
      for (const segment of segments) await sink.deliver(segment);
      for (const segment of segments) await sink.deliver(segment);
      await sink.close();
      sink = makeSink(dir);
      await sink.start();
      for (const segment of segments) await sink.deliver(segment);
      await sink.deliver(makeSegment(dir, 4, 101, 20));
      await sink.close();
      expect(sequencesIn(dir)).toEqual([...upTo(50), ...upTo(120, 61), ...upTo(60, 51)]);
      expect(namesIn(dir)).toEqual([
        expect.stringMatching(/^conn-\d{8}T\d{6}\.\d{3}Z-000000000001\.jsonl\.gz\.part$/),
        expect.stringMatching(/^control-\d{8}T\d{6}\.\d{3}Z-000000000002\.jsonl\.gz\.part$/),
      ]);
      expect(linesIn(dir)[0]).toMatchObject({
        node: 'node-a',
        epoch: EPOCH,
        record: 'conn',
        kind: 'create',
        time: '2023-11-14T22:13:20.000000001Z',
        sequence: 1,
        conn_id: '1',
        client_port: 1234,
      });
    });
  });

  it('writes what is new of a segment that it has in part', async () => {
    await withDirectory(async (dir) => {
      for (const format of ['jsonl', 'protobuf'] as const) {
        const sink = makeSink(join(dir), { format, compression: 'none', dir: join(dir, format) });
        await sink.deliver(makeSegment(dir, 1, 1, 50));
        await sink.deliver(makeSegment(dir, 2, 31, 50));
        expect(await sink.tally([SPAN])).toEqual([{ node: 'node-a', epoch: EPOCH, record: 'conn', hour: HOUR, events: 80, distinct: 80 }]);
        await sink.close();
      }
    });
  });

  it('cuts off what was written and never counted', async () => {
    await withDirectory(async (dir) => {
      let sink = makeSink(dir);
      await sink.deliver(makeSegment(dir, 1, 1, 50));
      await sink.close();
      const [name = ''] = namesIn(dir);
      appendFileSync(join(dir, 'out', name), 'half a member');
      // A file that was begun and never counted.
      const begun = name.replace('000000000001', '000000000009').replace('conn', 'control');
      writeFileSync(join(dir, 'out', begun), 'torn');
      writeFileSync(join(dir, 'out', 'mine.jsonl.gz.part'), 'not of vslog');
      sink = makeSink(dir);
      await sink.start();
      expect(namesIn(dir)).toEqual([name, 'mine.jsonl.gz.part']);
      rmSync(join(dir, 'out', 'mine.jsonl.gz.part'));
      await sink.deliver(makeSegment(dir, 2, 51, 50));
      await sink.close();
      expect(sequencesIn(dir)).toEqual(upTo(100));
    });
  });

  it('knows a file that was finished before it could say so', async () => {
    await withDirectory(async (dir) => {
      let sink = makeSink(dir);
      await sink.deliver(makeSegment(dir, 1, 1, 50));
      await sink.close();
      const [name = ''] = namesIn(dir);
      renameSync(join(dir, 'out', name), join(dir, 'out', name.slice(0, -5)));
      sink = makeSink(dir);
      await sink.deliver(makeSegment(dir, 1, 1, 50));
      await sink.deliver(makeSegment(dir, 2, 51, 50));
      expect(namesIn(dir)).toHaveLength(2);
      expect(sequencesIn(dir)).toEqual(upTo(100));
      expect(await sink.tally([SPAN])).toMatchObject([{ events: 100, distinct: 100 }]);
      await sink.close();
    });
  });

  it('finishes files by size, and begins one for each of their epochs where the format cannot tell them apart', async () => {
    await withDirectory(async (dir) => {
      const sink = makeSink(dir, { format: 'protobuf', compression: 'none', rotateBytes: 2000 });
      for (let i = 0; i < 4; i++) await sink.deliver(makeSegment(dir, i + 1, 1 + i * 50, 50));
      await sink.deliver(makeSegment(dir, 5, 1, 10, 'conn', 'other-1', 'node/b'));
      await sink.deliver(makeSegment(dir, 6, 11, 10, 'conn', 'other-1', 'node/b'));
      await sink.close();
      const names = namesIn(dir);
      expect(names.map((name) => name.replace(/^conn-.*Z-0{11}/, ''))).toEqual([
        `1@node-a@${EPOCH}.pb`,
        `3@node-a@${EPOCH}.pb`,
        '5@node%2Fb@other-1.pb.part',
      ]);
      const bodies = names.map((name) => readFileSync(join(dir, 'out', name)));
      expect(Buffer.compare(Buffer.concat(bodies.slice(0, 2)), makeBatch(1n, 200).body)).toBe(0);
      expect(bodies[2]?.equals(makeBatch(1n, 20, 'conn', 'other-1', 'node/b').body)).toBe(true);
    });
  });

  it('finishes files by age, also when nothing comes', async () => {
    await withDirectory(async (dir) => {
      const sink = makeSink(dir, { rotateAgeMs: 50 });
      await sink.deliver(makeSegment(dir, 1, 1, 5));
      await until('the file has its final name', () => namesIn(dir).every((name) => name.endsWith('.jsonl.gz')));
      await sink.deliver(makeSegment(dir, 2, 6, 5));
      await sink.close();
      expect(namesIn(dir)).toHaveLength(2);
      expect(sequencesIn(dir)).toEqual(upTo(10));
    });
  });

  it('finishes a file when the format or the compression is another', async () => {
    await withDirectory(async (dir) => {
      for (const [i, compression] of (['none', 'gzip', 'zstd'] as const).entries()) {
        const sink = makeSink(dir, { compression });
        await sink.deliver(makeSegment(dir, i + 1, 1 + i * 10, 10));
        await sink.close();
      }
      const names = namesIn(dir);
      expect(names.map((name) => name.replace(/^.*Z-0*/, ''))).toEqual(['1.jsonl', '2.jsonl.gz', '3.jsonl.zst.part']);
      await init();
      const third = Buffer.from(decompress(readFileSync(join(dir, 'out', names[2] ?? '')))).toString();
      expect(third.split('\n').filter((line) => line !== '')).toHaveLength(10);
      const sink = makeSink(dir);
      expect(await sink.tally([SPAN])).toEqual([{ node: 'node-a', epoch: EPOCH, record: 'conn', hour: HOUR, events: 30, distinct: 30 }]);
      await sink.close();
    });
  });

  it('removes the oldest finished files beyond the limits', async () => {
    await withDirectory(async (dir) => {
      const sink = makeSink(dir, { compression: 'none', rotateBytes: 1, keepFiles: 3 });
      for (let i = 0; i < 6; i++) await sink.deliver(makeSegment(dir, i + 1, 1 + i * 10, 10));
      await sink.deliver(makeSegment(dir, 9, 61, 1, 'control'));
      await sink.close();
      expect(namesIn(dir)).toHaveLength(4);
      expect(sequencesIn(dir)).toEqual([...upTo(60, 31), 61]);
      const size = statSync(join(dir, 'out', namesIn(dir)[0] ?? '')).size;
      const second = makeSink(dir, { compression: 'none', rotateBytes: 1, keepBytes: 2 * size + 10 });
      await second.deliver(makeSegment(dir, 10, 71, 10));
      await second.close();
      // By time and not by record type: the control file is younger than what was removed.
      expect(sequencesIn(dir)).toEqual([...upTo(80, 71), 61]);
    });
  });

  it('knows what was taken away, and brings it back only once it is forgotten', async () => {
    await withDirectory(async (dir) => {
      const segments = upTo(6).map((id) => makeSegment(dir, id, 1 + (id - 1) * 10, 10));
      const sink = makeSink(dir, { compression: 'none', rotateBytes: 1 });
      for (const segment of segments) await sink.deliver(segment);
      for (const name of namesIn(dir).slice(1, 3)) rmSync(join(dir, 'out', name));
      expect(await sink.tally([SPAN])).toMatchObject([{ events: 40, distinct: 40 }]);
      for (const segment of segments) await sink.deliver(segment);
      expect(sequencesIn(dir)).toHaveLength(40);
      expect(await sink.taken()).toEqual([{ node: 'node-a', epoch: EPOCH, record: 'conn', first: 11n, last: 30n }]);
      for (const segment of segments) expect(await sink.restore(segment)).toBe(0);
      rmSync(join(dir, 'out/.vslog/index.jsonl'));
      expect(await sink.taken()).toEqual([]);
      const restored: number[] = [];
      for (const segment of segments) restored.push(await sink.restore(segment));
      expect(restored).toEqual([0, 10, 10, 0, 0, 0]);
      expect(await sink.restore(makeSegment(dir, 7, 56, 10))).toBe(5);
      await sink.deliver(makeSegment(dir, 8, 61, 5));
      expect(sequencesIn(dir).sort((a, b) => a - b)).toEqual(upTo(65));
      expect(await sink.tally([SPAN])).toEqual([{ node: 'node-a', epoch: EPOCH, record: 'conn', hour: HOUR, events: 65, distinct: 65 }]);
      await sink.close();
    });
  });

  it('takes a file for lost that was not finished, and one for there that came back', async () => {
    await withDirectory(async (dir) => {
      let sink = makeSink(dir, { compression: 'none' });
      await sink.deliver(makeSegment(dir, 1, 1, 10));
      await sink.close();
      const [part = ''] = namesIn(dir);
      const name = part.slice(0, -5);
      // It was finished, and the process died before it could say so.
      renameSync(join(dir, 'out', part), join(dir, 'out', name));
      sink = makeSink(dir, { compression: 'none' });
      await sink.start();
      expect(await sink.taken()).toEqual([]);
      renameSync(join(dir, 'out', name), join(dir, 'away'));
      expect(await sink.taken()).toMatchObject([{ first: 1n, last: 10n }]);
      expect(await sink.tally([SPAN])).toEqual([]);
      renameSync(join(dir, 'away'), join(dir, 'out', name));
      expect(await sink.taken()).toEqual([]);
      await sink.deliver(makeSegment(dir, 2, 11, 10));
      await sink.close();
      rmSync(join(dir, 'out', namesIn(dir).find((one) => one.endsWith('.part')) ?? ''));
      sink = makeSink(dir, { compression: 'none' });
      expect(await sink.taken()).toEqual([]);
      expect(await sink.restore(makeSegment(dir, 2, 11, 10))).toBe(10);
      await sink.close();
    });
  });

  it.each(['none', 'gzip', 'zstd'] as const)('counts what the files have, and sees what is there twice (%s)', async (compression) => {
    await withDirectory(async (dir) => {
      for (const format of ['jsonl', 'protobuf'] as const) {
        const out = join(dir, format);
        const sink = makeSink(dir, { format, compression, rotateBytes: 1, dir: out });
        await sink.deliver(makeSegment(dir, 1, 1, 3000));
        await sink.deliver(makeSegment(dir, 2, 3001, 10, 'control'));
        const name = readdirSync(out).find((file) => file.startsWith('conn')) ?? '';
        writeFileSync(join(out, name.replace('000000000001', '000000000007')), readFileSync(join(out, name)));
        const tally = await sink.tally([{ ...SPAN, first: 2n, last: 3005n }]);
        await sink.close();
        expect(tally).toEqual([
          { node: 'node-a', epoch: EPOCH, record: 'conn', hour: HOUR, events: 5998, distinct: 2999 },
          { node: 'node-a', epoch: EPOCH, record: 'control', hour: HOUR, events: 5, distinct: 5 },
        ]);
      }
    });
  });

  it('refuses a segment whose content is wrong, and leaves the files as they were', async () => {
    await withDirectory(async (dir) => {
      const sink = makeSink(dir);
      await sink.deliver(makeSegment(dir, 1, 1, 50));
      const torn = makeSegment(dir, 2, 51, 50);
      truncateSync(torn.path, torn.bytes - 3);
      await expect(sink.deliver(torn)).rejects.toThrow(new SinkRejection('Segment 2 ends inside an event.'));
      const short = { ...makeSegment(dir, 3, 51, 50), count: 51, ranges: [{ first: 51n, last: 101n }] };
      await expect(sink.deliver(short)).rejects.toThrow(new SinkRejection('Segment 3 says that it has 51 events, but its file has 50.'));
      const noise = makeSegment(dir, 4, 51, 50);
      writeFileSync(noise.path, Buffer.alloc(200, 0x07));
      await expect(sink.deliver(noise)).rejects.toBeInstanceOf(SinkRejection);
      await sink.deliver(makeSegment(dir, 5, 51, 50));
      await sink.close();
      expect(sequencesIn(dir)).toEqual(upTo(100));
    });
  });

  it('waits for a folder that cannot be used, and says why in one sentence', async () => {
    await withDirectory(async (dir) => {
      writeFileSync(join(dir, 'out'), 'a file');
      const sink = makeSink(dir);
      await expect(sink.start()).rejects.toThrow(`file.dir ${join(dir, 'out')} cannot be used: ${join(dir, 'out')} is no folder:`);
      rmSync(join(dir, 'out'));
      await sink.start();
      await sink.deliver(makeSegment(dir, 1, 1, 5));
      const other = makeSink(dir);
      await expect(other.start()).rejects.toThrow(
        `file.dir ${join(dir, 'out')} is in use by process ${process.pid}: stop it first, or name another folder.`,
      );
      await other.close();
      await sink.close();
      expect(sequencesIn(dir)).toEqual(upTo(5));
    });
  });

  it('waits while the disk is full, and goes on', async () => {
    await withDirectory(async (dir) => {
      const disk = join(dir, 'out');
      mkdirSync(disk);
      const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk]);
      expect(mounted.status, 'a full disk is tested on a small tmpfs: this needs the right to mount, as root has it').toBe(0);
      try {
        const sink = makeSink(dir, { compression: 'none' });
        await sink.deliver(makeSegment(dir, 1, 1, 50));
        writeFileSync(join(disk, 'of-somebody'), Buffer.alloc(150 * 1024));
        const large = makeSegment(dir, 2, 51, 200);
        const full = `The disk of file.dir ${disk} is full: make room, or lower file.keep_bytes; nothing is lost meanwhile, events wait in the spool.`;
        for (let i = 0; i < 3; i++) {
          await expect(sink.deliver(large)).rejects.toThrow(full);
          await expect(sink.start().then(() => sink.deliver(large))).rejects.toThrow(full);
        }
        rmSync(join(disk, 'of-somebody'));
        await sink.deliver(large);
        await sink.close();
        expect(sequencesIn(dir)).toEqual(upTo(250));
      } finally {
        spawnSync('umount', [disk]);
      }
    });
  });

  it('stops at what it cannot explain, and goes on when it was taken away', async () => {
    await withDirectory(async (dir) => {
      let sink = makeSink(dir);
      await sink.deliver(makeSegment(dir, 1, 1, 50));
      await sink.close();
      const path = join(dir, 'out', namesIn(dir)[0] ?? '');
      truncateSync(path, 10);
      sink = makeSink(dir);
      await expect(sink.start()).rejects.toThrow(
        /\.part has 10 bytes, and should have \d+: move it elsewhere, then vslog replay --sink file/,
      );
      rmSync(path);
      await sink.start();
      expect(await sink.restore(makeSegment(dir, 1, 1, 50))).toBe(50);
      await sink.close();
      expect(sequencesIn(dir)).toEqual(upTo(50));

      writeFileSync(join(dir, 'out/.vslog/state.json'), '{"version":');
      sink = makeSink(dir);
      await expect(sink.start()).rejects.toThrow(/state\.json cannot be read: move the files of file\.dir elsewhere/);
      rmSync(join(dir, 'out/.vslog/state.json'));
      await expect(sink.start()).rejects.toThrow(/does not say what is in them: move them elsewhere, or put it back\.$/);
      await sink.close();
      await expect(makeSink(join(dir, 'nowhere')).tally([SPAN])).rejects.toThrow(/has no files of vslog\.$/);
    });
  });

  it('tells of a damaged file', async () => {
    await withDirectory(async (dir) => {
      const sink = makeSink(dir, { rotateBytes: 1 });
      await sink.deliver(makeSegment(dir, 1, 1, 50));
      const path = join(dir, 'out', namesIn(dir)[0] ?? '');
      const bytes = readFileSync(path);
      bytes.fill(0, 40, 60);
      writeFileSync(path, bytes);
      await expect(sink.tally([SPAN])).rejects.toThrow(`${path} cannot be read: `);
      await sink.close();
    });
  });

  it('keeps its own notes out of sight, and every member of a file whole', async () => {
    await withDirectory(async (dir) => {
      mkdirSync(join(dir, 'out'));
      writeFileSync(join(dir, 'out', 'README'), 'of somebody');
      const sink = makeSink(dir);
      await sink.deliver(makeSegment(dir, 1, 1, 50));
      const path = join(dir, 'out', namesIn(dir).find((name) => name.endsWith('.part')) ?? '');
      const first = statSync(path).size;
      await sink.deliver(makeSegment(dir, 2, 51, 50));
      await sink.close();
      const bytes = readFileSync(path);
      for (const member of [bytes.subarray(0, first), bytes.subarray(first)]) {
        const text = gunzipSync(member).toString();
        expect(text.endsWith('\n')).toBe(true);
        expect(text.split('\n')).toHaveLength(51);
      }
      expect(existsSync(join(dir, 'out', 'README'))).toBe(true);
    });
  });
});
