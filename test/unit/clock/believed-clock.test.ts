import { describe, expect, it } from 'vitest';
import { BelievedClock, type ClockMemory, DAY_MS } from '../../../src/clock/believed-clock.js';

const HOUR = 3_600_000;
const T0 = Date.UTC(2026, 10, 1);
const at = (year: number): number => Date.UTC(year, 10, 1);

/** A machine whose clocks the test moves. */
class Machine {
  wallMs = T0;
  uptimeMs = 5000;
  boot = 'a';
  start(memory?: ClockMemory): BelievedClock {
    return new BelievedClock({ wall: () => this.wallMs, uptime: () => this.uptimeMs, boot: this.boot }, memory);
  }
  pass(ms: number): void {
    this.wallMs += ms;
    this.uptimeMs += ms;
  }
  reboot(offMs: number): void {
    this.wallMs += offMs;
    this.uptimeMs = 1000;
    this.boot += 'b';
  }
}

describe('a clock that runs', () => {
  it('is followed, steps of an hour too', () => {
    const machine = new Machine();
    const clock = machine.start();
    machine.pass(400 * DAY_MS);
    expect([clock.look(), clock.now() - machine.wallMs]).toEqual([undefined, 0]);
    for (const step of [HOUR, -HOUR, 23 * HOUR]) {
      machine.wallMs += step;
      expect([clock.look(), clock.now() - machine.wallMs, clock.doubted]).toEqual([undefined, 0, undefined]);
    }
  });

  it.each([2035, 2150, 1971])('is doubted when it shows %d, once, and time goes on', (year) => {
    const machine = new Machine();
    const clock = machine.start();
    machine.wallMs = at(year);
    expect(clock.now()).toBe(T0);
    expect(clock.look()).toEqual({ kind: 'doubted', expectedMs: T0, wallMs: at(year) });
    machine.pass(HOUR);
    expect([clock.look(), clock.now()]).toEqual([undefined, T0 + HOUR]);
    machine.wallMs = T0 + HOUR;
    expect(clock.look()).toMatchObject({ kind: 'returned', wallMs: T0 + HOUR });
    expect([clock.doubted, clock.look()]).toEqual([undefined, undefined]);
  });

  it('is believed after it ran for as long as it went ahead, at most a week, and never when it went back', () => {
    for (const [ahead, runs] of [
      [3 * DAY_MS, 3 * DAY_MS],
      [3650 * DAY_MS, 7 * DAY_MS],
    ] as const) {
      const machine = new Machine();
      const clock = machine.start();
      machine.wallMs += ahead;
      clock.look();
      machine.pass(runs - 1);
      expect(clock.look()).toBeUndefined();
      machine.pass(1);
      expect(clock.look()).toMatchObject({ kind: 'believed' });
      expect(clock.now()).toBe(machine.wallMs);
    }
    const machine = new Machine();
    const clock = machine.start();
    machine.wallMs = at(1971);
    clock.look();
    machine.pass(1000 * DAY_MS);
    expect([clock.look(), clock.now()]).toEqual([undefined, T0 + 1000 * DAY_MS]);
    clock.accept();
    expect([clock.now(), clock.doubted]).toEqual([machine.wallMs, undefined]);
  });

  it('that steps again is told again, and begins its time of trial anew', () => {
    const machine = new Machine();
    const clock = machine.start();
    machine.wallMs = at(2035);
    clock.look();
    machine.pass(6 * DAY_MS);
    clock.look();
    machine.wallMs = at(2040);
    expect(clock.look()).toMatchObject({ kind: 'doubted', wallMs: at(2040) });
    machine.pass(2 * DAY_MS);
    expect(clock.look()).toBeUndefined();
  });
});

describe('after a start', () => {
  it('a time of the same boot is reckoned from: a collector that stood still for a month raises no doubt', () => {
    const machine = new Machine();
    const memory = machine.start().memory();
    machine.pass(30 * DAY_MS);
    const clock = machine.start(memory);
    expect([clock.look(), clock.now()]).toEqual([undefined, machine.wallMs]);
  });

  it('a clock that went ahead within the boot, or over a reboot, is doubted; told once over several starts', () => {
    const machine = new Machine();
    let clock = machine.start(machine.start().memory());
    machine.wallMs = at(2035);
    clock = machine.start(clock.memory());
    expect(clock.look()).toMatchObject({ kind: 'doubted' });
    machine.pass(HOUR);
    clock.look();
    clock = machine.start(clock.memory());
    expect([clock.look(), clock.doubted?.steadyMs]).toEqual([undefined, HOUR]);
    machine.reboot(HOUR);
    clock = machine.start(clock.memory());
    expect(clock.look()).toBeUndefined();
    expect(Math.abs(clock.now() - T0 - HOUR)).toBeLessThan(HOUR);

    const other = new Machine();
    const before = other.start().memory();
    other.reboot(3 * DAY_MS);
    expect(other.start(before).look()).toMatchObject({ kind: 'doubted' });
    other.reboot(-3 * DAY_MS + HOUR);
    expect(other.start(before).look()).toBeUndefined();
  });

  it('a clock that was never set is believed as soon as it is', () => {
    const machine = new Machine();
    machine.wallMs = 5000;
    const clock = machine.start();
    expect([clock.isSet, clock.look()]).toEqual([false, undefined]);
    machine.wallMs = T0;
    expect(clock.look()).toMatchObject({ kind: 'believed' });
    expect([clock.isSet, clock.now(), clock.doubted]).toEqual([true, T0, undefined]);
  });
});
