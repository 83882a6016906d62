import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { collect, NotKept, OverQuota } from '../../../../src/store/embedded/collect.mjs';
import { withDirectory } from '../../support/temporary.js';

interface Place {
  readonly pipe: string;
  readonly path: string;
  readonly quota: number;
  readonly memory: number;
}

async function withPipe(action: (place: Place) => Promise<void>): Promise<void> {
  await withDirectory(async (dir) => {
    const pipe = join(dir, 'pipe');
    execFileSync('mkfifo', [pipe]);
    await action({ pipe, path: join(dir, 'answer'), quota: 300_000, memory: 1000 });
  });
}

/** Writes into a pipe, as the engine does; resolves to the system's error. */
async function written(pipe: string, bytes: number): Promise<string> {
  const file = await open(pipe, 'w');
  try {
    for (let left = bytes; left > 0; left -= 10_000) await file.writeFile(Buffer.alloc(Math.min(left, 10_000), 7));
    return '';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? '';
  } finally {
    await file.close();
  }
}

it('what is small stays in memory, what is large is in a file, and nothing is nothing', () =>
  withPipe(async (place) => {
    for (const size of [0, 1, 1000]) {
      const collecting = collect(place, () => undefined);
      if (size > 0) await written(place.pipe, size);
      expect(await collecting.end()).toEqual({ size, bytes: Buffer.alloc(size, 7) });
      expect(existsSync(place.path)).toBe(false);
    }
    const collecting = collect(place, () => undefined);
    await written(place.pipe, 300_000);
    expect(await collecting.end()).toEqual({ size: 300_000, bytes: undefined });
    expect(readFileSync(place.path).equals(Buffer.alloc(300_000, 7))).toBe(true);
  }));

it('what is more than the quota is not taken: the writer is told, and no file is left', () =>
  withPipe(async (place) => {
    let stopped = 0;
    const collecting = collect(place, () => {
      stopped++;
    });
    expect(await written(place.pipe, 10_000_000)).toBe('EPIPE');
    await expect(collecting.end()).rejects.toThrow(OverQuota);
    expect([stopped, existsSync(place.path)]).toEqual([1, false]);
    await collecting.cancel();
    // The pipe is as good as before.
    const next = collect(place, () => undefined);
    await written(place.pipe, 5);
    expect((await next.end()).size).toBe(5);
  }));

it('what is given up leaves no file, and a file that cannot be written is told', () =>
  withPipe(async (place) => {
    const collecting = collect(place, () => undefined);
    await written(place.pipe, 5000);
    await collecting.cancel();
    expect(existsSync(place.path)).toBe(false);
    const nowhere = collect({ ...place, path: join(place.path, 'x') }, () => undefined);
    expect(await written(place.pipe, 1_000_000)).toBe('EPIPE');
    await expect(nowhere.end()).rejects.toThrow(NotKept);
  }));
