import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Spool } from '../../../src/spool/spool.js';
import { NO_STATE, readState, StateFile, withoutSegment, withSealed } from '../../../src/spool/state.js';
import { EPOCH, makeBatch } from '../support/batches.js';
import { withDirectory } from '../support/temporary.js';

const SLOW = { segmentAgeMs: 3_600_000 };

function sealed(id: number, first: bigint, count: number, epoch = 'a', node = 'n') {
  return { id, node, epoch, ranges: [{ first, last: first + BigInt(count) - 1n }], count, chain: `chain ${id}` };
}

describe("a spool's state", () => {
  it('has everything that was sealed, and each of the newest segments', () => {
    const state = [sealed(1, 1n, 10), sealed(2, 11n, 5), sealed(3, 1n, 1, 'b'), sealed(5, 16n, 5)].reduce(withSealed, NO_STATE);
    expect(state).toMatchObject({ newest: 5, chain: 'chain 5', forgotten: 0 });
    expect(state.spans).toEqual([
      { node: 'n', epoch: 'a', first: 1n, last: 20n, firstId: 1, lastId: 5 },
      { node: 'n', epoch: 'b', first: 1n, last: 1n, firstId: 3, lastId: 3 },
    ]);
    expect(state.recent.map(({ id, count }) => [id, count])).toEqual([
      [1, 10],
      [2, 5],
      [3, 1],
      [5, 5],
    ]);
    expect(withoutSegment(state, 2).recent.map(({ id }) => id)).toEqual([1, 3, 5]);
    expect(withSealed(state, sealed(4, 1n, 9))).toBe(state);
  });

  it('is in its file after each seal and each move of a cursor, as it was', () =>
    withDirectory(async (dir) => {
      expect(await readState(dir)).toEqual({ state: 'absent' });
      const spool = await Spool.open(dir, SLOW, ['fake']);
      await spool.append([makeBatch(1n, 10)]);
      await spool.seal();
      const [segment] = spool.sealed();
      if (segment === undefined) throw new Error('Nothing was sealed.');
      await spool.advance('fake', segment);
      await spool.close();
      expect(await readState(dir)).toEqual({
        state: 'whole',
        content: {
          ...{ generation: 1, newest: 1, chain: segment.chain, forgotten: 0, toldTo: 0, cursors: { fake: 1 } },
          spans: [{ node: 'node-a', epoch: EPOCH, first: 1n, last: 10n, firstId: 1, lastId: 1 }],
          recent: [{ id: 1, node: 'node-a', epoch: EPOCH, first: 1n, last: 10n, count: 10 }],
        },
      });
    }));

  it('never grows: what there is no room for is forgotten, the oldest first, and counted', () =>
    withDirectory(async (dir) => {
      const { file } = await StateFile.open(dir);
      file.touch();
      await file.flush();
      const { size } = statSync(join(dir, 'state'));
      for (let id = 1; id <= 2000; id++)
        file.change((state) => withSealed(state, sealed(id, BigInt(id), 1, `epoch-${id}-${'x'.repeat(40)}`, 'node'.repeat(20))));
      await file.close();
      expect(file.failure).toBeUndefined();
      expect(statSync(join(dir, 'state')).size).toBe(size);
      const reading = await readState(dir);
      if (reading.state !== 'whole') throw new Error(reading.state);
      const { newest, spans, forgotten } = reading.content;
      expect([newest, spans.at(-1)?.lastId, spans.length + forgotten]).toEqual([2000, 2000, 2000]);
      expect(spans.length).toBeGreaterThan(100);
    }));

  it('that is damaged is a new generation of the spool, and told', () =>
    withDirectory(async (dir) => {
      const first = await Spool.open(dir, SLOW, ['fake']);
      await first.append([makeBatch(1n, 10)]);
      await first.close();
      writeFileSync(join(dir, 'state'), readFileSync(join(dir, 'state')).fill(1, 0, 100).fill(1, 32_768, 32_868));
      const again = await Spool.open(dir, SLOW, ['fake']);
      expect(again.notes[0]).toMatch(/The spool's own state in .* was damaged/);
      expect(again.sinks.get('fake').cursor).toMatchObject({ generation: 2, doubtUntil: Number.MAX_SAFE_INTEGER });
      await again.close();
      expect(await readState(dir)).toMatchObject({ state: 'whole', content: { generation: 2, newest: 1 } });
    }));
});
