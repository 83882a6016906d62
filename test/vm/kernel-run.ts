import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scenario } from '../conformance/scenario.js';
import { attacked } from './attacks.js';
import { SHARED } from './capture.js';
import { CollectorProcess } from './collector.js';
import { LogOf, SubscriberLog } from './event-log.js';
import { expiryOnKernel } from './expiry.js';
import { hasModule, type Kernel } from './kernel.js';
import { knobsOfKernel } from './knobs.js';
import { nothingLate } from './late.js';
import { DiedAtBoot, Machine } from './machine.js';
import { othersUntold } from './others.js';
import { compareWithSql } from './proof.js';
import { attempt, type Result } from './result.js';
import { runScenario, type Stage } from './runner.js';
import { command } from './session.js';
import { CACHE, defaultFiles } from './setting.js';
import { joined, type Played, report } from './summary.js';
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

/** What a kernel says of a fault of its own that it survived. A loaded program's or a module's, for all we know: a director's kernel must not say it. */
const SPLAT = /Oops|BUG:|WARNING:/;

/** Fails for a fault that the kernel survived: nobody would see it on the console. */
function kernelIsSound(machine: Machine): Promise<Result> {
  return attempt('kernel-log', async () => {
    const said = (await machine.must('dmesg --notime --level=emerg,alert,crit,err,warn')).split('\n');
    const at = said.findIndex((line) => SPLAT.test(line));
    return at < 0 ? undefined : `the kernel says:\n${said.slice(at, at + LAST_LINES).join('\n')}`;
  });
}

/** Plays scenarios on one kernel, in a guest of its own. */
class KernelRun {
  readonly played: Played[] = [];
  /** What failed while the kernel was alive; the rest failed by its death. */
  readonly failed: Result[] = [];
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
    if (result.failure !== undefined && this.stage.machine.isThere()) this.failed.push(result);
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

  async go(socket: string, collector: CollectorProcess): Promise<void> {
    const { machine, log } = this.stage;
    await this.all(this.plan.scenarios);
    if (!machine.isThere()) return;
    await this.again();
    if (this.plan.withKnobs) {
      const own = new LogOf(log, Number(await machine.must('stat -L -c %i /proc/self/ns/net')));
      for (const play of [knobsOfKernel, expiryOnKernel]) this.keep(await play(machine, socket, own));
      this.keep(await othersUntold(machine));
      this.keep(await attacked(this.stage, socket));
    }
    this.keep(await nothingLate(this.stage));
    this.keep(await compareWithSql(machine, log, collector));
    this.keep(await kernelIsSound(machine));
  }
}

/**
 * Boots the kernel, starts the capture and a collector, and plays the plan; all of it once more, where that may be, when the kernel died: QEMU's emulated processors can
 * take a patch of the kernel's own code for a fault. Never rejects.
 */
export async function playOn(kernel: Kernel, whole: Plan): Promise<readonly Played[]> {
  const cannot = whole.scenarios.filter(({ module }) => module !== undefined && !hasModule(kernel, module));
  for (const { name, module } of cannot)
    console.log(`  ${kernel.release} ${name}: not played, since this kernel was built without ${module}`);
  const plan = { ...whole, scenarios: whole.scenarios.filter((scenario) => !cannot.includes(scenario)) };
  let once = await playOnce(kernel, plan);
  const failed: Result[] = [];
  const deaths: Played[] = [];
  while (once.death !== undefined && plan.maySecond()) {
    failed.push(...once.failed);
    deaths.push({ kernel: kernel.release, first: once.death, second: { scenario: 'kernel', seconds: 0, failure: undefined } });
    console.log(`  ${kernel.release}: everything once more in another machine`);
    once = await playOnce(kernel, plan);
  }
  if (once.death !== undefined) deaths.push({ kernel: kernel.release, first: once.death });
  return [...joined(kernel.release, failed, once.played, plan.maySecond), ...deaths];
}

interface Once {
  readonly played: readonly Played[];
  /** What failed before the kernel died, if it did. */
  readonly failed: readonly Result[];
  /** What a kernel that died has said. */
  readonly death: Result | undefined;
}

async function playOnce(kernel: Kernel, plan: Plan): Promise<Once> {
  const begin = performance.now();
  const undo: (() => void | Promise<void>)[] = [];
  let run: KernelRun | undefined;
  let machine: Machine | undefined;
  let diedAtBoot: DiedAtBoot | undefined;
  const whole = await attempt('as a whole', async () => {
    const scratch = mkdtempSync(join(tmpdir(), 'vslog-vm-'));
    undo.push(() =>
      plan.keep ? console.log(`  the collector's data and log are in ${scratch}`) : rmSync(scratch, { recursive: true, force: true }),
    );
    machine = await Machine.boot(kernel, defaultFiles(), CACHE).catch((error: unknown) => {
      if (error instanceof DiedAtBoot) diedAtBoot = error;
      throw error;
    });
    const booted = machine;
    undo.push(() => booted.stop());
    const socket = join(scratch, 'capture.sock');
    const session = await machine.session();
    await session.batch([command(SHARED.start)]);
    session.close();
    await machine.bridge(socket);
    const collector = new CollectorProcess(socket, scratch);
    undo.push(() => collector.stop());
    const log = new SubscriberLog(socket, 'judge');
    undo.push(() => log.stop());
    void machine.gone.then(() => log.stop('the machine is there no more'));
    // What every known durable subscriber has is let go: the second one must be known before the first one acknowledges.
    log.holding = true;
    void log.follow();
    await log.until((entries) => entries.length > 0, 'the first record of the log');
    await collector.start();
    await collector.untilConnected();
    log.holding = false;
    console.log(`${kernel.release}: ready after ${((performance.now() - begin) / 1000).toFixed(0)} s, ${plan.scenarios.length} scenarios`);
    run = new KernelRun(kernel, plan, { machine, log, collector, turns: new Turns(AT_ONCE), ended: [] });
    await run.go(socket, collector);
    return undefined;
  });
  plan.calm();
  const said = diedAtBoot?.said ?? (machine === undefined || machine.isThere() ? undefined : machine.consoleLines(LAST_LINES));
  const death = said && deathOf(said, whole.seconds);
  const left = await attempt('left behind', async () => {
    for (const step of undo.reverse()) await step();
    return undefined;
  });
  const missing = plan.scenarios.filter(({ name }) => !run?.played.some(({ first }) => first.scenario === name)).map(({ name }) => name);
  const more = [whole, left].filter(({ failure }) => failure !== undefined);
  if (missing.length > 0 && more.length === 0 && death === undefined)
    more.push({ scenario: 'unplayed', seconds: 0, failure: `these were not played: ${missing.join(', ')}` });
  for (const one of more) report(kernel.release, one);
  return {
    played: [...(run?.played ?? []), ...more.map((first) => ({ kernel: kernel.release, first }))],
    failed: run?.failed ?? [],
    death,
  };
}

const LAST_LINES = 80;

function deathOf(said: readonly string[], seconds: number): Result {
  const oops = said.find((line) => /Oops|BUG|panic/.test(line)) ?? 'without a word';
  return { scenario: 'kernel', seconds, failure: `the kernel died: ${oops.trim()}`, logs: said.join('\n') };
}
