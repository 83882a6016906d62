import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CLOCK_FILE, machineClocks, parseClock, readClock, takeAccept, writeAccept, writeClock } from '../../../src/clock/memory.js';
import { withDirectory } from '../support/temporary.js';

it('keeps what was believed', () =>
  withDirectory(async (dir) => {
    expect(await readClock(dir)).toBeUndefined();
    const memory = { believedMs: 1e12, uptimeMs: 5, boot: 'b', doubt: { aheadMs: -7, steadyMs: 3 } };
    await writeClock(dir, memory);
    expect(await readClock(dir)).toEqual(memory);
    await writeClock(dir, { ...memory, doubt: undefined });
    expect((await readClock(dir))?.doubt).toBeUndefined();
    writeFileSync(join(dir, CLOCK_FILE), '{"believedMs":');
    expect(await readClock(dir)).toBeUndefined();
  }));

it.each(['', 'null', '[]', '{"believedMs":"1","uptimeMs":1,"boot":""}', '{"believedMs":1,"uptimeMs":1}'])('takes %j for none', (text) => {
  expect(parseClock(text)).toBeUndefined();
});

it('hands over once that somebody accepted the clock', () =>
  withDirectory(async (dir) => {
    expect(await takeAccept(dir)).toBeUndefined();
    await writeAccept(dir, 1_700_000_000_000);
    expect(await takeAccept(dir)).toBe(1_700_000_000_000);
    expect(await takeAccept(dir)).toBeUndefined();
    writeFileSync(join(dir, 'clock.accept'), 'soon');
    expect(await takeAccept(dir)).toBeUndefined();
  }));

it('reads the clocks of this machine', () => {
  const clocks = machineClocks();
  expect(clocks.uptime()).toBeGreaterThan(0);
  expect(Math.abs(clocks.wall() - Date.now())).toBeLessThan(60_000);
});
