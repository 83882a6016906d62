import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EPOCH } from '../../support/batches.js';
import { withDirectory } from '../../support/temporary.js';
import { makeSegment, makeSink, namesIn, sequencesIn, upTo } from './files.js';

/** A sink that never has to wait until its file is large. */
const SMALL = { rotateBytes: 1 };

describe.each([
  ['jsonl', 'gzip'],
  ['jsonl', 'none'],
  ['protobuf', 'zstd'],
] as const)('a note of before beside newer files (%s, %s)', (format, compression) => {
  const style = { format, compression };
  const keep = (dir: string): void => cpSync(join(dir, 'out/.vslog'), join(dir, 'kept'), { recursive: true });
  const putBack = (dir: string): void => {
    rmSync(join(dir, 'out/.vslog'), { recursive: true });
    cpSync(join(dir, 'kept'), join(dir, 'out/.vslog'), { recursive: true });
  };
  const span = { node: 'node-a', epoch: EPOCH, first: 1n, last: 1000n };
  const counts = async (sink: ReturnType<typeof makeSink>): Promise<number[]> => {
    const tallies = await sink.tally([span]);
    return [tallies.reduce((sum, { events }) => sum + events, 0), tallies.reduce((sum, { distinct }) => sum + distinct, 0)];
  };

  it('loses nothing that was added to the open file, and adds nothing twice', async () => {
    await withDirectory(async (dir) => {
      let sink = makeSink(dir, style);
      await sink.deliver(makeSegment(dir, 1, 1, 50));
      keep(dir);
      await sink.deliver(makeSegment(dir, 2, 51, 50));
      await sink.deliver(makeSegment(dir, 3, 101, 50));
      await sink.close();
      putBack(dir);
      sink = makeSink(dir, style);
      // The cursor may be where it was, or set back, too.
      await sink.deliver(makeSegment(dir, 4, 151, 10));
      expect(await counts(sink)).toEqual([160, 160]);
      for (const segment of [makeSegment(dir, 2, 51, 50), makeSegment(dir, 3, 101, 50)]) await sink.deliver(segment);
      expect(await counts(sink)).toEqual([160, 160]);
      await sink.close();
      expect(namesIn(dir)).toHaveLength(1);
    });
  });

  it('knows what finished files have that it does not speak of, and the file that was begun after them', async () => {
    await withDirectory(async (dir) => {
      let sink = makeSink(dir, { ...style, ...SMALL });
      await sink.deliver(makeSegment(dir, 1, 1, 50));
      await sink.close();
      sink = makeSink(dir, style);
      await sink.deliver(makeSegment(dir, 2, 51, 10));
      keep(dir);
      await sink.deliver(makeSegment(dir, 3, 61, 10));
      await sink.close();
      sink = makeSink(dir, { ...style, ...SMALL });
      await sink.deliver(makeSegment(dir, 4, 71, 10)); // ends the file
      await sink.deliver(makeSegment(dir, 5, 81, 10)); // a file of its own
      await sink.close();
      sink = makeSink(dir, style);
      await sink.deliver(makeSegment(dir, 6, 91, 10));
      await sink.close();
      putBack(dir);
      sink = makeSink(dir, style);
      await sink.start();
      expect(await counts(sink)).toEqual([100, 100]);
      for (let id = 3; id <= 7; id++) await sink.deliver(makeSegment(dir, id, id * 10 + 31, 10));
      expect(await counts(sink)).toEqual([110, 110]);
      expect(await sink.taken()).toEqual([]);
      await sink.close();
      if (compression !== 'zstd') expect(sequencesIn(dir)).toEqual(upTo(110));
    });
  });

  it('takes the end of a file that cannot be read for what a crash left', async () => {
    await withDirectory(async (dir) => {
      let sink = makeSink(dir, style);
      await sink.deliver(makeSegment(dir, 1, 1, 50));
      keep(dir);
      await sink.deliver(makeSegment(dir, 2, 51, 50));
      await sink.close();
      putBack(dir);
      const [name = ''] = namesIn(dir);
      truncateSync(join(dir, 'out', name), readFileSync(join(dir, 'out', name)).length - 3);
      writeFileSync(join(dir, 'out', name.replace('conn', 'control')), 'torn');
      sink = makeSink(dir, style);
      await sink.start();
      expect(await counts(sink)).toEqual([50, 50]);
      await sink.deliver(makeSegment(dir, 2, 51, 50));
      expect(await counts(sink)).toEqual([100, 100]);
      await sink.close();
      expect(namesIn(dir)).toHaveLength(1);
    });
  });
});
