import { expect, it } from 'vitest';
import { spoolSettings } from '../../../src/spool/options.js';
import { SealedSegments } from '../../../src/spool/sealed.js';
import type { Segment } from '../../../src/spool/segment.js';

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 10, 1);

function segment(id: number): Segment {
  return { id, record: 'conn', node: 'n', epoch: 'e', ranges: [], count: 1, bytes: 10, sha256: '', chain: '', path: '' };
}

it.each([Date.UTC(1971, 0, 1), Date.UTC(2035, 0, 1), Date.UTC(2150, 0, 1)])(
  'a segment whose file says %d grows old from now on: it is neither given up at once nor kept for ever',
  (mtime) => {
    let now = NOW;
    const limits = spoolSettings({ maxAgeMs: HOUR, backlogAgeMs: HOUR, whenFull: 'drop-oldest', now: () => now });
    const sealed = new SealedSegments(limits);
    for (const id of [1, 2]) sealed.add(segment(id), mtime, true);
    sealed.setCursor('sink', 0);
    expect([sealed.overKept, sealed.doomed(false)]).toEqual([false, undefined]);
    now += HOUR + 1;
    expect([sealed.overKept, sealed.doomed(false)?.segments.map(({ id }) => id)]).toEqual([true, [1]]);
  },
);

it('what waits is not given up for a wall clock that went ahead', () => {
  const sealed = new SealedSegments(spoolSettings({ backlogAgeMs: HOUR, whenFull: 'drop-oldest', now: () => NOW }));
  for (const id of [1, 2]) sealed.add(segment(id), NOW, true);
  sealed.setCursor('sink', 0);
  expect(sealed.doomed(false)).toBeUndefined();
});
