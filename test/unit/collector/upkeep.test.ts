import { describe, expect, it } from 'vitest';
import { BelievedClock, type ClockMemory } from '../../../src/clock/believed-clock.js';
import { readClock, writeAccept } from '../../../src/clock/memory.js';
import { type ExpiringPump, Upkeep } from '../../../src/collector/upkeep.js';
import type { LocalRecord } from '../../../src/spool/loss.js';
import { v1 } from '../../../src/wire/proto.js';
import { until } from '../../support/patience.js';
import { withDirectory } from '../support/temporary.js';

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 1);
const at = (year: number): number => Date.UTC(year, 10, 1);

class Setup {
  wallMs = NOW;
  uptimeMs = 1000;
  readonly told: LocalRecord[] = [];
  /** Times by which the sink removed. */
  readonly expired: number[] = [];
  newest: number | undefined;
  clock = this.clockOf(undefined);
  readonly directory: string;
  readonly pump: ExpiringPump = {
    sink: {
      name: 'embedded',
      expire: async (nowMs) => void this.expired.push(nowMs),
      newestMs: async () => this.newest,
    },
    between: (action) => action(),
  };
  constructor(directory: string) {
    this.directory = directory;
  }
  clockOf(memory: ClockMemory | undefined): BelievedClock {
    return new BelievedClock({ wall: () => this.wallMs, uptime: () => this.uptimeMs, boot: 'b' }, memory);
  }
  /** A process: looks at the clock once, and ends. */
  async run(pumps: readonly ExpiringPump[] = [this.pump]): Promise<Upkeep> {
    const spool = { directory: this.directory, record: async (fields: LocalRecord) => void this.told.push(fields) };
    const upkeep = new Upkeep({ clock: this.clock, spool, pumps });
    await upkeep.look();
    await upkeep.stop();
    await upkeep.ended();
    return upkeep;
  }
  async again(): Promise<void> {
    this.clock = this.clockOf(await readClock(this.directory));
  }
}

describe('a collector', () => {
  it.each([2035, 2150, 1971])(
    'whose clock shows %d for a while removes nothing meanwhile, tells of it once, and goes on afterwards',
    (year) =>
      withDirectory(async (dir) => {
        const setup = new Setup(dir);
        await setup.run();
        expect(setup.expired).toEqual([NOW]);
        setup.wallMs = at(year);
        for (let starts = 0; starts < 3; starts++) {
          await setup.again();
          await setup.run();
        }
        expect(setup.expired).toEqual([NOW]);
        expect(setup.told).toMatchObject([
          { kind: v1.ControlKind.Value.clock, name: 'collector', old_value: `${NOW}000000`, new_value: `${at(year)}000000` },
        ]);
        expect(setup.told[0]?.detail).toContain('vslog clock accept');
        setup.wallMs = NOW;
        await setup.again();
        await setup.run();
        expect(setup.expired).toEqual([NOW, NOW]);
        expect(setup.told[1]?.detail).toContain('is right again');
      }),
  );

  it('believes a clock that somebody accepts, but not another one', () =>
    withDirectory(async (dir) => {
      const setup = new Setup(dir);
      await setup.run();
      setup.wallMs = at(2035);
      await setup.run();
      await writeAccept(dir, at(2034));
      await setup.run();
      expect(setup.clock.now()).toBe(NOW);
      await writeAccept(dir, at(2035));
      await setup.run();
      expect(setup.clock.now()).toBe(at(2035));
      expect(setup.expired).toEqual([NOW, at(2035)]);
      expect(setup.told.at(-1)?.detail).toContain('is believed now');
    }));

  it('that remembers nothing asks the store when something arrived last', () =>
    withDirectory(async (dir) => {
      const setup = new Setup(dir);
      setup.newest = NOW - 300 * DAY;
      await setup.run();
      expect(setup.expired).toEqual([]);
      await setup.run();
      expect(setup.told).toMatchObject([{ old_value: `${NOW - 300 * DAY}000000`, new_value: `${NOW}000000` }]);
      const other = new Setup(dir);
      other.newest = NOW - 3_600_000;
      await other.run();
      expect(other.expired).toEqual([NOW]);
    }));

  it('whose clock was never set removes nothing', () =>
    withDirectory(async (dir) => {
      const setup = new Setup(dir);
      setup.wallMs = 5000;
      setup.clock = setup.clockOf(undefined);
      await setup.run();
      expect(setup.expired).toEqual([]);
      setup.wallMs = NOW;
      await setup.run();
      expect(setup.expired).toEqual([NOW]);
    }));

  it('says why a sink removes nothing, and looks on while one does not answer', () =>
    withDirectory(async (dir) => {
      const setup = new Setup(dir);
      const refuses = { ...setup.pump, between: () => Promise.reject(new Error('No right to remove.')) };
      expect((await setup.run([refuses])).problem).toBe('Sink embedded does not remove what is too old: No right to remove.');
      let free: () => void = () => undefined;
      const hangs: ExpiringPump = {
        ...setup.pump,
        between: (action) => new Promise<void>((resolve) => (free = resolve)).then(action),
      };
      const upkeep = new Upkeep({
        clock: setup.clock,
        spool: { directory: dir, record: async (fields) => void setup.told.push(fields) },
        pumps: [hangs],
      });
      await upkeep.look();
      setup.wallMs = at(2035);
      await upkeep.look();
      expect(setup.told).toHaveLength(1);
      // Its turn came too late: the clock is not believed any more.
      free();
      await upkeep.stop();
      await upkeep.ended();
      expect(setup.expired).toEqual([]);
      await until('it is written down', async () => (await readClock(dir))?.doubt !== undefined);
    }));
});
