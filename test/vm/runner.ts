import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { v1 } from '../../src/wire/proto.js';
import { type Entry, netnsOf } from '../conformance/entry.js';
import { isComplete, judge, soFar } from '../conformance/judge.js';
import type { Scenario, Step } from '../conformance/scenario.js';
import { Story } from '../conformance/story.js';
import { Director, StepError } from './director.js';
import { SubscriberLog } from './event-log.js';
import type { Machine } from './machine.js';

/** What ran in one scenario, for whoever reports. `failure` is undefined when everything was as expected. */
export interface Result {
  readonly scenario: string;
  readonly seconds: number;
  readonly failure: string | undefined;
}

/** Who can kill and start the collector; the scenarios with such steps need one. */
export interface CollectorKeeper {
  kill(): Promise<void>;
  start(): Promise<void>;
}

const MAIN_CAPTURE = '/run/vslog';

/** The capture that all scenarios share: it watches every network namespace. */
export async function startCapture(machine: Machine): Promise<void> {
  await machine.must(`cd ${MAIN_CAPTURE}; : >log
vslog-capture --all-netns --node director --on-exit keep >>log 2>&1 & echo $! >${MAIN_CAPTURE}/pid
for i in $(seq 600); do grep -q ^ready log && exit 0; kill -0 $(cat pid) || break; sleep 0.1; done; cat log; exit 1`);
}

/** Sends a signal to a capture; for one that ends the process, waits until it is gone. */
async function signalCapture(machine: Machine, base: string, signal: string): Promise<void> {
  await machine.must(
    `p=$(cat ${base}/pid); kill -${signal} $p; ${signal === 'STOP' || signal === 'CONT' ? '' : 'while [ -e /proc/$p ] && ! grep -q "State:.Z" /proc/$p/status; do sleep 0.05; done'}`,
  );
}

/** Steps that the machine alone cannot do. */
const WAITING: ReadonlySet<Step['do']> = new Set(['sleep', 'wait', 'capture', 'collector', 'remove_director']);

class Run {
  private readonly director: Director;
  private readonly machine: Machine;
  private readonly scenario: Scenario;
  private readonly collector: CollectorKeeper | undefined;
  private log: SubscriberLog;
  private own: string | undefined;
  private first = 0n;

  constructor(machine: Machine, scenario: Scenario, log: SubscriberLog, collector: CollectorKeeper | undefined) {
    this.machine = machine;
    this.scenario = scenario;
    this.log = log;
    this.collector = collector;
    this.director = new Director(machine, scenario);
  }

  private get captureBase(): string {
    return this.scenario.own_capture === undefined ? MAIN_CAPTURE : `/run/vslog-${this.scenario.name}`;
  }

  /** Changes of knobs are no part of a story: knobs.ts has them, and the scenarios turn them by the way. */
  private entries(): Entry[] {
    return this.log.entries.filter(
      (entry) =>
        entry.sequence > this.first &&
        entry.control?.kind !== v1.ControlKind.Value.knob_changed &&
        (netnsOf(entry) === this.director.netns || (this.own !== undefined && netnsOf(entry) === 0)),
    );
  }

  private story(): string[] {
    return Story.tell(this.entries(), this.scenario.show);
  }

  private async openOwn(): Promise<void> {
    await this.director.startOwnCapture(this.scenario.own_capture ?? '');
    if (this.own !== undefined) return;
    this.own = join(mkdtempSync(join(tmpdir(), 'vslog-vm-')), 'capture.sock');
    await this.machine.bridge(this.own, `${this.captureBase}/capture.sock`);
    this.log = new SubscriberLog(this.own, 'judge');
    void this.log.follow();
  }

  private async perform(step: Step): Promise<void> {
    switch (step.do) {
      case 'sleep':
        return void (await sleep(step.seconds * 1000));
      case 'wait': {
        const matching = () => this.story().filter((line) => line.includes(step.for)).length >= step.count;
        return this.log.until(matching, step.within * 1000, `${step.count} times "${step.for}"`);
      }
      case 'capture':
        if (step.action === 'start') return this.scenario.own_capture === undefined ? startCapture(this.machine) : this.openOwn();
        return signalCapture(this.machine, this.captureBase, { kill: 'KILL', stop: 'TERM', freeze: 'STOP', thaw: 'CONT' }[step.action]);
      case 'collector':
        if (this.collector === undefined) throw new Error('this run has no collector to kill');
        return step.action === 'kill' ? this.collector.kill() : this.collector.start();
      case 'remove_director':
        return this.director.tearDown();
      default:
        throw new Error(`${step.do} is the director's`);
    }
  }

  /** Steps that follow one another without waiting for the log are done in one go: each trip into the emulated machine takes its time. */
  private async performAll(steps: readonly Step[]): Promise<void> {
    for (let i = 0; i < steps.length; ) {
      let end = i;
      while (end < steps.length && !WAITING.has(steps[end]?.do ?? 'wait')) ++end;
      const [step] = steps.slice(i, i + 1);
      if (step === undefined) return;
      try {
        if (end > i) await this.director.perform(steps.slice(i, end));
        else await this.perform(step);
      } catch (error) {
        const at = error instanceof StepError ? i + error.index : i;
        throw new Error(soFar(at, steps[at] ?? step, error, this.story()));
      }
      i = Math.max(end, i + 1);
    }
  }

  /** The end of the story: everything that began has ended, and nothing has come for a moment. */
  private async untilQuiet(): Promise<void> {
    const { scenario } = this;
    await this.log.until(() => isComplete(scenario, this.story()), 90_000, 'the rest of the story').catch(() => undefined);
    await sleep(1500);
  }

  async go(): Promise<string | undefined> {
    const { scenario } = this;
    try {
      // A freed namespace's number is used again at once: what was logged before belongs to another scenario.
      this.first = this.log.position?.sequence ?? 0n;
      await this.director.setUp();
      if (scenario.own_capture !== undefined && !scenario.capture_later) await this.openOwn();
      // What the set-up itself said is not part of the story: wait for its last word.
      const reals = scenario.service.flatMap((service) => service.real).length;
      if (scenario.own_capture === undefined && reals + scenario.service.length > 0) {
        const { service_added, real_added } = v1.ControlKind.Value;
        const said = () =>
          this.entries().filter(({ control }) => control?.kind === service_added || control?.kind === real_added).length >=
          reals + scenario.service.length;
        await this.log.until(said, 20_000, 'the records of the services that were set up');
      }
      this.first = scenario.own_capture === undefined ? (this.entries().at(-1)?.sequence ?? this.first) : 0n;
      await this.performAll(scenario.steps);
      await this.untilQuiet();
      return judge(scenario, this.entries(), this.log.gaps);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    } finally {
      if (this.own !== undefined) {
        this.log.stop();
        await this.machine.run(
          `kill -CONT $(cat ${this.captureBase}/pid); kill -9 $(cat ${this.captureBase}/pid); vslog-capture --detach --pin-dir /sys/fs/bpf/vslog-${scenario.name}`,
        );
        rmSync(join(this.own, '..'), { recursive: true, force: true });
      }
      await this.director.tearDown();
    }
  }
}

/** Runs one scenario from its set-up to its verdict. Never rejects: whatever goes wrong is the result's failure. */
export async function runScenario(
  machine: Machine,
  scenario: Scenario,
  log: SubscriberLog,
  collector: CollectorKeeper | undefined,
): Promise<Result> {
  const begin = Date.now();
  const failure = await new Run(machine, scenario, log, collector).go();
  return { scenario: scenario.name, seconds: (Date.now() - begin) / 1000, failure };
}
