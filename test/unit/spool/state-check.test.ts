import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CURSORS } from '../../../src/spool/layout.js';
import { Spool } from '../../../src/spool/spool.js';
import { STATE_FILE } from '../../../src/spool/state.js';
import { checkState, sealedSpans } from '../../../src/spool/state-check.js';
import { makeBatch } from '../support/batches.js';
import { withDirectory } from '../support/temporary.js';

const NOBODY = new Map<string, number>();

/** A spool with four segments of ten events, which nobody runs. */
const withSpool = (action: (dir: string, remove: (id: number) => void) => Promise<void>) =>
  withDirectory(async (dir) => {
    const spool = await Spool.open(dir, { segmentAgeMs: 3_600_000 }, ['fake']);
    for (let i = 0n; i < 4n; i++) {
      await spool.append([makeBatch(10n * i + 1n, 10)]);
      await spool.seal();
    }
    await spool.close();
    await action(dir, (id) => {
      for (const name of readdirSync(dir)) if (/^\d+\./.test(name) && Number(name.split('.')[0]) === id) rmSync(join(dir, name));
    });
  });

describe('what a spool remembers of itself', () => {
  it('agrees with what is there, also where the oldest segments went', () =>
    withSpool(async (dir, remove) => {
      expect(await checkState(dir, NOBODY)).toMatchObject({ checked: true, newest: 4, missing: [], ok: true });
      expect(await sealedSpans(dir)).toMatchObject([{ first: 1n, last: 40n }]);
      remove(1);
      expect(await checkState(dir, NOBODY)).toMatchObject({ missing: [], ok: true });
    }));

  it.each([
    [[4], 0, /^Segment 4, or the end of it, is missing from the spool, and vslog did not remove it: 10 events \(sequences 31-40 of epoch/],
    [[3, 4], 2, /^Segments 3 to 4 are missing from the spool, .*20 events .* that sink fake had not got\.$/],
    [[2], 4, /^Segment 2, or the end of it, is missing from the spool, and vslog did not remove it\. Every sink had it\.$/],
  ] as const)('names segments %j that somebody removed', (ids, delivered, sentence) =>
    withSpool(async (dir, remove) => {
      for (const id of ids) remove(id);
      const report = await checkState(dir, new Map([['fake', delivered]]));
      expect(report).toMatchObject({ checked: true, ok: false, missing: [expect.stringMatching(sentence)] });
    }),
  );

  it('cannot be told where its file is damaged, or was not made yet', () =>
    withSpool(async (dir) => {
      writeFileSync(join(dir, STATE_FILE), 'nonsense');
      expect(await checkState(dir, NOBODY)).toMatchObject({ checked: false, ok: false, reason: expect.stringMatching(/damaged/) });
      rmSync(join(dir, STATE_FILE));
      expect(await checkState(dir, NOBODY)).toMatchObject({ checked: false, ok: false, reason: expect.stringMatching(/is gone/) });
      rmSync(join(dir, CURSORS), { recursive: true });
      expect(await checkState(dir, NOBODY)).toMatchObject({
        checked: false,
        ok: true,
        reason: expect.stringMatching(/a version before/),
      });
    }));
});
