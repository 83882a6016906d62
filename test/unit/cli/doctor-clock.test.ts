import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeFolder } from '../../../src/access/place.js';
import { clockProblem } from '../../../src/api/status.js';
import { clockFindings, clocksOf } from '../../../src/cli/doctor-clock.js';
import { spoolDirectory } from '../../../src/cli/open-store.js';
import { writeClock } from '../../../src/clock/memory.js';
import type { Values } from '../../../src/config/schema.js';
import { STATUS } from '../support/status.js';
import { withDirectory } from '../support/temporary.js';

const DAY = 86_400_000;
const NOW = Date.parse(STATUS.clock.time);

it('finds nothing wrong with a clock that is believed', () => {
  expect(clockFindings({ clock: STATUS.clock, newestMs: NOW + 1000 })).toMatchObject([{ name: 'clock', state: 'ok' }]);
  expect(clockProblem(NOW, NOW, undefined, true)).toBeUndefined();
});

it('tells of the collector’s clock, of nodes and of what is newer than now in the store', () => {
  const problem = clockProblem(NOW, NOW + 3650 * DAY, { aheadMs: 3650 * DAY, steadyMs: DAY }, true) ?? null;
  expect(problem).toMatch(/3650 d ahead of the time that is believed.*vslog clock accept.*After 6 d more/);
  expect(clockProblem(NOW, NOW - 9 * DAY, { aheadMs: -9 * DAY, steadyMs: 0 }, true)).not.toContain('After');
  expect(clockProblem(5, 5, undefined, false)).toContain('was never set');
  const clock = { ...STATUS.clock, believed: false, problem, nodes: [{ node: 'lb1', ahead_s: -86_400 * 30 }] };
  const findings = clockFindings({ clock, newestMs: NOW + 40 * DAY });
  expect(findings.map(({ state }) => state)).toEqual(['warn', 'warn', 'warn']);
  expect(findings[1]?.found).toContain('30 d behind');
  expect(findings[2]?.found).toContain('40 d ahead of');
});

it('compares with what the last collector believed where none runs', () =>
  withDirectory(async (dir) => {
    const values = { 'collector.data_dir': dir, 'collector.api_socket': join(dir, 'none.sock') } as unknown as Values;
    expect(clockFindings(await clocksOf(values))).toMatchObject([{ state: 'ok' }]);
    makeFolder(spoolDirectory(values));
    await writeClock(spoolDirectory(values), { believedMs: Date.now() - 30 * DAY, uptimeMs: 0, boot: 'another' });
    expect(clockFindings(await clocksOf(values))).toMatchObject([{ state: 'warn', found: expect.stringContaining('30 d ahead of') }]);
  }));
