import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  isBehind,
  type ProducerState,
  readState,
  removeState,
  resumeAt,
  STATE_FILE,
  writeState,
} from '../../../../src/sink/kafka/state.js';
import type { Segment } from '../../../../src/spool/segment.js';
import { withDirectory } from '../../support/temporary.js';

const STATE: ProducerState = {
  cluster: 'c',
  identity: { id: '9007199254740993', epoch: 2 },
  plan: '1 batch 1000 t:1',
  sequences: { 't/0': 7 },
  segment: { id: 4, sha256: 'a', node: 'n' },
  marks: { 't/0': { offset: 9, newest: { offset: 7, producer: '9007199254740993', sequence: 6 } } },
  position: { offset: 100, events: 3 },
  whole: false,
  savedMs: 1_000_000,
};
const NOW = 1_000_000 + 60_000;
const HOUR = 3_600_000;
const segment = (id: number, sha256 = 'a'): Segment => ({ id, sha256 }) as Segment;

it('says where a segment goes on', () => {
  expect(resumeAt(STATE, segment(4), NOW)).toEqual({ offset: 100, events: 3 });
  expect(resumeAt({ ...STATE, whole: true }, segment(4), NOW)).toBe('whole');
  expect(resumeAt({ ...STATE, whole: true }, segment(5, 'b'), NOW)).toEqual({ offset: 0, events: 0 });
});

it('relies on nothing that the broker may have forgotten, but on what it confirmed', () => {
  const later = 1_000_000 + HOUR + 1;
  expect(resumeAt(STATE, segment(4), later)).toBeUndefined();
  expect(resumeAt({ ...STATE, whole: true }, segment(5), later)).toBeUndefined();
  expect(resumeAt({ ...STATE, whole: true }, segment(4), later)).toBe('whole');
  // The clock was turned back since.
  expect(resumeAt(STATE, segment(4), 1_000_000 - HOUR - 1)).toBeUndefined();
});

it('knows a segment that was delivered before, and another one with its number', () => {
  expect([segment(3), segment(4), segment(4, 'b'), segment(5, 'b')].map((one) => isBehind(STATE, one))).toEqual([true, false, true, false]);
});

it('cannot tell when another segment was begun, one was left out, or it is another with the same number', () => {
  expect(resumeAt(STATE, segment(5), NOW)).toBeUndefined();
  expect(resumeAt({ ...STATE, whole: true }, segment(6), NOW)).toBeUndefined();
  expect(resumeAt({ ...STATE, whole: true }, segment(3), NOW)).toBeUndefined();
  expect(resumeAt({ ...STATE, whole: true }, segment(4, 'b'), NOW)).toBeUndefined();
});

it('is kept as a whole, and is nothing when it cannot be read', async () => {
  await withDirectory(async (dir) => {
    expect(await readState(dir)).toBeUndefined();
    await writeState(dir, STATE);
    expect(await readState(dir)).toMatchObject(STATE);
    await writeState(dir, { ...STATE, absent: [[3, 4]] });
    expect(await readState(dir)).toMatchObject({ ...STATE, absent: [[3, 4]] });
    mkdirSync(join(dir, 'cursors'), { recursive: true });
    for (const content of ['', '{"version":2,"clu', '{"version":1}', '{"version":3}', 'null', '{"version":2}', '[]']) {
      writeFileSync(join(dir, 'cursors', STATE_FILE), content);
      expect(await readState(dir)).toBeUndefined();
    }
    await writeState(dir, STATE);
    const text = readFileSync(join(dir, 'cursors', STATE_FILE), 'utf8');
    for (const [from, to] of [
      ['"offset":100', '"offset":900'],
      ['"t/0":7', '"t/0":6'],
      ['"id":4', '"id":5'],
    ] as const) {
      expect(text).toContain(from);
      writeFileSync(join(dir, 'cursors', STATE_FILE), text.replace(from, to));
      expect(await readState(dir)).toBeUndefined();
    }
    await removeState(dir);
    await removeState(dir);
    expect(await readState(dir)).toBeUndefined();
  });
});
