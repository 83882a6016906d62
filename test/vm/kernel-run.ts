import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scenario } from '../conformance/scenario.js';
import { SHARED } from './capture.js';
import { CollectorProcess } from './collector.js';
import { LogOf, SubscriberLog } from './event-log.js';
import { expiryOnKernel } from './expiry.js';
import type { Kernel } from './kernel.js';
import { knobsOfKernel } from './knobs.js';
import { nothingLate } from './late.js';
import { Machine } from './machine.js';
import { othersUntold } from './others.js';
import { compareWithSql } from './proof.js';
import { type Result, sentence } from './result.js';
import { runScenario, type Stage } from './runner.js';
import { command } from './session.js';
import { CACHE, defaultFiles } from './setting.js';
import { type Played, report } from './summary.js';
import { Turns } from './turns.js';

/** Scenarios that act at a time, for each of the guest's two processors one and one that waits for it. Those that wait for a timer of the kernel do not count. */
const AT_ONCE = 4;

export interface Plan {
  readonly scenarios: readonly Scenario[];
  /** Each knob of the kernel, too. */
  readonly withKnobs: boolean;
  /** Leaves the collector's data and log where they are, and says where. */
  readonly keep: boolean;
  /** Asked before something is played a second time. */
  readonly maySecond: () => boolean;
  /** Called when little is left for the guest's processors to do: most scenarios wait for timers, or all is over. */
  readonly calm: () => void;
}

/** How long a scenario's timers run, in an order of magnitude. */
function patience({ slow, steps }: Scenario): number {
  return slow ? Math.max(...steps.map((step) => (step.do === 'wait' ? step.within : 0))) : 0;
}

/** Plays scenarios on one kernel, in a guest of its own. */
class KernelRun {
  private readonly played: Played[] = [];
  private readonly kernel: Kernel;
  private readonly plan: Plan;
  private readonly stage: Stage;

  constructor(kernel: Kernel, plan: Plan, stage: Stage) {
    this.kernel = kernel;
    this.plan = plan;
    this.stage = stage;
  }

  private keep(result: Result): void {
    report(this.kernel.release, result);
    this.played.push({ kernel: this.kernel.release, first: result });
  }

  /** Resolves when nothing is left of any of them but to wait for timers; `over` when they are over. */
  private async start(scenarios: readonly Scenario[]): Promise<{ over: Promise<unknown> }> {
    const over: Promise<void>[] = [];
    const settled = scenarios.map(
      (scenario) =>
        new Promise<void>((resolve) => {
          over.push(runScenario(this.stage, scenario, resolve).then((result) => this.keep(result)));
        }),
    );
    await Promise.all(settled);
    return { over: Promise.all(over) };
  }

  private async all(scenarios: readonly Scenario[]): Promise<void> {
    // What comes first waits longest.
    const together = scenarios.filter(({ alone }) => !alone).sort((a, b) => patience(b) - patience(a));
    const shared = await this.start(together.filter((scenario) => scenario.own_capture === undefined));
    this.plan.calm();
    // To load the programs of a capture costs as much as twenty other scenarios: now there is time for it.
    const own = this.start(together.filter((scenario) => scenario.own_capture !== undefined));
    // They stop what the others use: those only wait for their connections' timers by now, and the kernel side remembers what happens.
    for (const scenario of scenarios.filter(({ alone }) => alone)) this.keep(await runScenario(this.stage, scenario));
    await Promise.all([shared.over, (await own).over]);
  }

  private async again(): Promise<void> {
    for (const [i, { first }] of this.played.entries()) {
      const scenario = this.plan.scenarios.find(({ name }) => name === first.scenario);
      if (first.failure === undefined || scenario === undefined || !this.plan.maySecond()) continue;
      console.log(`  ${this.kernel.release} ${first.scenario} once more, alone`);
      const second = await runScenario(this.stage, scenario);
      report(this.kernel.release, second);
      this.played[i] = { kernel: this.kernel.release, first, second };
    }
  }

  async go(socket: string, collector: CollectorProcess): Promise<Played[]> {
    const { machine, log } = this.stage;
    await this.all(this.plan.scenarios);
    if (!machine.isThere()) return this.played;
    await this.again();
    if (this.plan.withKnobs) {
      const own = new LogOf(log, Number(await machine.must('stat -L -c %i /proc/self/ns/net')));
      for (const play of [knobsOfKernel, expiryOnKernel]) this.keep(await play(machine, socket, own));
      this.keep(await othersUntold(machine));
    }
    this.keep(await nothingLate(this.stage));
    this.keep(await compareWithSql(machine, log, collector));
    return this.played;
  }
}

/**
 * Boots the kernel, starts the capture and a collector, and plays the plan; all of it a second time, where that may be, when the kernel died: QEMU's emulated processors can
 * take a patch of the kernel's own code for a fault. Never rejects.
 */
export async function playOn(kernel: Kernel, plan: Plan): Promise<Played[]> {
  const { played, death } = await playOnce(kernel, plan);
  if (death === undefined || !plan.maySecond()) return played;
  console.log(`  ${kernel.release}: everything once more in another machine`);
  const again = await playOnce(kernel, plan);
  const second = again.death ?? { ...death, failure: undefined };
  return [...again.played, { kernel: kernel.release, first: death, second }];
}

/** `death`: what a kernel that died has said. */
async function playOnce(kernel: Kernel, plan: Plan): Promise<{ played: Played[]; death?: Result }> {
  const begin = performance.now();
  const seconds = (): number => (performance.now() - begin) / 1000;
  const scratch = mkdtempSync(join(tmpdir(), 'vslog-vm-'));
  const socket = join(scratch, 'capture.sock');
  const log = new SubscriberLog(socket, 'judge');
  const collector = new CollectorProcess(socket, scratch);
  let machine: Machine | undefined;
  try {
    machine = await Machine.boot(kernel, defaultFiles(), CACHE);
    const session = await machine.session();
    await session.batch([command(SHARED.start)]);
    session.close();
    await machine.bridge(socket);
    // What every known durable subscriber has is let go: the second one must be known before the first one acknowledges.
    log.holding = true;
    void log.follow();
    await log.until((entries) => entries.length > 0, 'the first record of the log');
    await collector.start();
    await collector.untilConnected();
    log.holding = false;
    console.log(`${kernel.release}: ready after ${seconds().toFixed(0)} s, ${plan.scenarios.length} scenarios`);
    const stage: Stage = { machine, log, collector, turns: new Turns(AT_ONCE), ended: [] };
    const played = await new KernelRun(kernel, plan, stage).go(socket, collector);
    return machine.isThere() ? { played } : died(machine, played, seconds());
  } catch (error) {
    const first = { scenario: 'as a whole', seconds: seconds(), failure: sentence(error) };
    report(kernel.release, first);
    const played = [{ kernel: kernel.release, first }];
    return machine === undefined || machine.isThere() ? { played } : died(machine, played, seconds());
  } finally {
    plan.calm();
    log.stop();
    await collector.stop();
    await machine?.stop();
    if (plan.keep) console.log(`  the collector's data and log are in ${scratch}`);
    else rmSync(scratch, { recursive: true, force: true });
  }
}

const LAST_LINES = 80;

function died(machine: Machine, played: Played[], seconds: number): { played: Played[]; death: Result } {
  const said = readFileSync(machine.consoleLog, 'utf8').trimEnd().split('\n').slice(-LAST_LINES);
  const oops = said.find((line) => /Oops|BUG|panic/.test(line)) ?? '';
  return { played, death: { scenario: 'kernel', seconds, failure: `the kernel died: ${oops.trim()}`, logs: said.join('\n') } };
}
