import { pause } from '../support/patience.js';
import { type FaultStage, SWITCHED, type Switched } from './stage.js';
import type { Victim } from './victim.js';

/** Something that goes wrong, or that somebody does, while everybody else goes on. */
export interface Fault {
  readonly name: string;
  /** Does it. Resolves when all runs again, though it may be behind. */
  strike(): Promise<void>;
}

/** A whole number from `low` to below `high`. */
export type Between = (low: number, high: number) => number;

const HOUR_MS = 3_600_000;
/** What the collector's clock shows more, one after the other, ms. */
const STEPS = [HOUR_MS, 0, -HOUR_MS, 0];
/** What a full disk has left, at most, bytes. */
const LEFT = 64 * 1024;

/** What may be struck by, each once. */
export function faultsOf(stage: FaultStage, between: Between): Fault[] {
  const { capture, server, broker } = stage;
  const victims: Victim[] = [capture, stage.collector, asVictim('server', server), asVictim('broker', broker)];
  return [...victims.map((victim) => dead(victim, between)), powerCut(stage, between), fullDisk(stage, between), ...asked(stage, between)];
}

function dead(victim: Victim, between: Between): Fault {
  return {
    name: victim.name,
    async strike() {
      if (between(0, 10) < 7) {
        await victim.kill();
        await pause(between(0, 400), 'the others do without it');
        await victim.revive();
      } else {
        await victim.freeze();
        await pause(between(100, 2500), 'the others do without it');
        victim.thaw();
      }
    },
  };
}

function powerCut(stage: FaultStage, between: Between): Fault {
  return {
    name: 'power cut',
    async strike() {
      await stage.cutPower(() => pause(between(0, 400), 'the others do without it'));
    },
  };
}

function fullDisk(stage: FaultStage, between: Between): Fault {
  return {
    name: 'full disk',
    async strike() {
      stage.disk.fill(between(0, LEFT));
      await pause(between(500, 4000), 'nobody can write');
      // Also what comes up on a full disk must do so.
      if (between(0, 3) === 0) {
        await stage.killCollector();
        await stage.collector.revive();
        await pause(between(500, 3000), 'it starts');
      }
      stage.disk.empty();
    },
  };
}

/** What an operator does to the collector. */
function asked(stage: FaultStage, between: Between): Fault[] {
  let steps = 0;
  const off = new Set<Switched>();
  let next = 0;
  return [
    {
      name: 'older copy',
      async strike() {
        if (stage.disk.hasCopy) await stage.restoreCopy();
        else await stage.keepCopy();
      },
    },
    {
      name: 'clock',
      async strike() {
        stage.clock.set(STEPS[steps++ % STEPS.length] ?? 0);
        await stage.clockTakesEffect();
        await pause(between(0, 1000), 'time by that clock');
      },
    },
    {
      name: 'sink off and on',
      async strike() {
        await stage.collector.end('SIGTERM');
        const [is] = off;
        if (is !== undefined) off.delete(is);
        else off.add(SWITCHED[next++ % SWITCHED.length] ?? 'file');
        stage.configure([...off]);
        await stage.collector.revive();
      },
    },
  ];
}

function asVictim(
  name: string,
  it: { kill(): Promise<void>; start(): Promise<unknown>; freeze(): Promise<void>; thaw(): void; stop(): Promise<void> },
): Victim {
  return {
    name,
    kill: () => it.kill(),
    async revive() {
      await it.start();
    },
    freeze: () => it.freeze(),
    thaw: () => it.thaw(),
    stop: () => it.stop(),
  };
}
