import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSlots, TwoSlots } from '../../../src/spool/two-slots.js';
import { withDirectory } from '../support/temporary.js';

const BYTES = 1000;

async function content(path: string): Promise<string> {
  const found = await readSlots(path, BYTES);
  return found.state === 'whole' ? found.content.toString() : found.state;
}

describe('a file of two slots', () => {
  it('has what was written last, in a length that never changes', () =>
    withDirectory(async (dir) => {
      const path = join(dir, 'x');
      expect(await content(path)).toBe('absent');
      expect(await TwoSlots.open(path, BYTES)).toBeUndefined();
      const made = await TwoSlots.create(dir, 'x', BYTES, Buffer.from('0'));
      const { size, ino } = statSync(path);
      expect(size).toBe(8192);
      for (let i = 1; i <= 5; i++) {
        await made.write(Buffer.from(String(i)));
        expect(await content(path)).toBe(String(i));
      }
      await made.close();
      const again = await TwoSlots.open(path, BYTES);
      expect(again?.content.toString()).toBe('5');
      await Promise.all([again?.slots.write(Buffer.from('6')), again?.slots.write(Buffer.from('seven'))]);
      await again?.slots.close();
      expect(await readSlots(path, BYTES)).toMatchObject({ state: 'whole', content: Buffer.from('seven'), writes: 8 });
      expect([statSync(path).size, statSync(path).ino]).toEqual([size, ino]);
      expect(existsSync(join(dir, '.x.tmp'))).toBe(false);
    }));

  it('is the old content or the new one, however a write is torn', () =>
    withDirectory(async (dir) => {
      const path = join(dir, 'x');
      const made = await TwoSlots.create(dir, 'x', BYTES, Buffer.from('before'));
      const old = readFileSync(path);
      await made.write(Buffer.from('after'));
      await made.close();
      const now = readFileSync(path);
      const changed = [...now.keys()].filter((i) => now[i] !== old[i]);
      expect(changed.length).toBeGreaterThan(10);
      for (const upTo of changed) {
        // All before this byte was written, and nothing from it on.
        writeFileSync(path, Buffer.concat([now.subarray(0, upTo), old.subarray(upTo)]));
        expect(await content(path)).toBe('before');
      }
      writeFileSync(path, now);
      expect(await content(path)).toBe('after');
    }));

  it('never takes damage for content', () =>
    withDirectory(async (dir) => {
      const path = join(dir, 'x');
      const made = await TwoSlots.create(dir, 'x', BYTES, Buffer.from('older'));
      await made.write(Buffer.from('newer'));
      await made.close();
      const whole = readFileSync(path);
      const half = whole.length / 2;
      await fc.assert(
        fc.asyncProperty(fc.nat({ max: 24 }), fc.nat({ max: 24 }), fc.integer({ min: 1, max: 255 }), async (first, second, flip) => {
          const damaged = Buffer.from(whole);
          damaged[first] = (damaged[first] as number) ^ flip;
          damaged[half + second] = (damaged[half + second] as number) ^ flip;
          writeFileSync(path, damaged);
          expect(await content(path)).toBe('damaged');
          expect(await TwoSlots.open(path, BYTES)).toBeUndefined();
        }),
        { numRuns: 100 },
      );
      for (const length of [0, 1, 20, half]) {
        writeFileSync(path, whole.subarray(0, length));
        expect(await content(path)).toBe(length === half ? 'older' : 'damaged');
      }
    }));

  it('refuses what does not fit', () =>
    withDirectory(async (dir) => {
      const made = await TwoSlots.create(dir, 'x', BYTES, Buffer.alloc(BYTES));
      expect(() => made.write(Buffer.alloc(BYTES + 1))).toThrow('1001 bytes do not fit into a slot of 1000.');
      await made.close();
    }));
});
