import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sentAfter } from '../../../../src/sink/kafka/inventory.js';
import { toLong, v1 } from '../../../../src/wire/proto.js';
import { withDirectory } from '../../support/temporary.js';

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 10, 1);

it.each([
  ['an hour before the file', NOW - 5000, NOW, NOW - 5000 - HOUR],
  ['an hour before the first event', NOW, NOW - 9 * HOUR, NOW - 10 * HOUR],
  ['ever, when the clock went ahead while the segment was written', Date.UTC(2035, 0, 1), Date.UTC(2035, 0, 1), 0],
])('messages of a segment were sent after %s', (_what, mtimeMs, eventMs, after) =>
  withDirectory(async (dir) => {
    const path = join(dir, '1.conn.pb');
    const time = toLong(BigInt(eventMs) * 1_000_000n);
    writeFileSync(path, v1.ConnEvent.encodeDelimited({ kind: v1.EventKind.Value.create, time_ns: time, sequence: toLong(1n) }).finish());
    utimesSync(path, mtimeMs / 1000, mtimeMs / 1000);
    expect(await sentAfter(path, NOW)).toBe(after);
  }),
);
