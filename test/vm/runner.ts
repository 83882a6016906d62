import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v1 } from '../../src/wire/proto.js';
import type { Entry } from '../conformance/entry.js';
import { isComplete, judge, soFar } from '../conformance/judge.js';
import type { Scenario, Step } from '../conformance/scenario.js';
import { Story } from '../conformance/story.js';
import { type Capture, captureOf, SHARED } from './capture.js';
import { Director, isMarker, StepError } from './director.js';
import { SubscriberLog } from './event-log.js';
import type { Machine } from './machine.js';
import { attempt, type Result, sentence } from './result.js';
import type { Turns } from './turns.js';

/** Who can kill and start the collector; the scenarios with such steps need one. */
export interface CollectorKeeper {
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** Where scenarios are played: a machine, the log of the capture that they share, and a collector. */
export interface Stage {
  readonly machine: Machine;
  readonly log: SubscriberLog;
  readonly collector: CollectorKeeper;
  readonly turns: Turns;
  /** Where in the log the scenarios ended that went well: until its number is given anew nothing more may come of their namespace. */
  readonly ended: { readonly scenario: string; readonly netns: number; readonly last: bigint }[];
}

const { service_added, service_removed, real_added, knob_changed, subscriber_added, subscriber_removed } = v1.ControlKind.Value;
/** Of the capture and who asks it, and in no story. */
const ASIDE: readonly number[] = [knob_changed, subscriber_added, subscriber_removed];

/** A marker's last word. */
const isMark = ({ control }: Entry, mark: number): boolean => control?.kind === service_removed && control.fwmark === mark;

class Run {
  private readonly director: Director;
  private readonly stage: Stage;
  private readonly scenario: Scenario;
  private readonly capture: Capture;
  /** The log of its own capture, once that runs. */
  private own: SubscriberLog | undefined;
  private readonly folder = mkdtempSync(join(tmpdir(), 'vslog-vm-'));
  /** The mark before the records of the set-up. */
  private begin = 0;
  private from: number | undefined;
  /** When its turn came. */
  private began = performance.now();
  /** Called when nothing is left to do but to wait for the end. */
  private readonly settled: () => void;

  constructor(stage: Stage, scenario: Scenario, settled: () => void) {
    this.stage = stage;
    this.scenario = scenario;
    this.settled = settled;
    this.capture = scenario.own_capture === undefined ? SHARED : captureOf(scenario.name, scenario.own_capture);
    this.director = new Director(stage.machine, scenario, this.capture);
  }

  private get log(): SubscriberLog {
    return this.own ?? this.stage.log;
  }

  private get hasOwn(): boolean {
    return this.scenario.own_capture !== undefined;
  }

  /** What the log says of this scenario's namespace after the set-up. Changes of knobs are no part of a story: knobs.ts has them, and the scenarios turn them by the way. */
  private entries(): Entry[] {
    const told = this.hasOwn ? (this.own?.entries ?? []) : this.stage.log.of(this.director.netns);
    const isOurs = ({ control }: Entry): boolean => control === undefined || (!ASIDE.includes(control.kind) && !isMarker(control.fwmark));
    return told.slice(this.afterSetUp(told)).filter(isOurs);
  }

  /** Index of the first record after those of the set-up, which follow its mark. */
  private afterSetUp(told: readonly Entry[]): number {
    if (this.hasOwn) return 0;
    if (this.from !== undefined) return this.from;
    let left = this.director.records;
    let at = told.findIndex((entry) => isMark(entry, this.begin)) + 1;
    if (at === 0) return told.length;
    for (; left > 0 && at < told.length; ++at) {
      const { control } = told[at] ?? {};
      if ((control?.kind === service_added && !isMarker(control.fwmark)) || control?.kind === real_added) left--;
    }
    if (left > 0) return told.length;
    this.from = at;
    return at;
  }

  private story(): string[] {
    return Story.tell(this.entries(), this.scenario.show);
  }

  private async openOwn(): Promise<void> {
    await this.director.tell(this.capture.start);
    const socket = join(this.folder, 'capture.sock');
    await this.stage.machine.bridge(socket, this.capture.socket);
    this.own = new SubscriberLog(socket, 'judge');
    void this.own.follow();
  }

  /** Whether somebody beside the machine has a part in a step. */
  private needsUs(step: Step): boolean {
    return (
      step.do === 'wait' ||
      step.do === 'collector' ||
      (step.do === 'capture' && step.action === 'start' && this.hasOwn && this.own === undefined)
    );
  }

  private async performOurs(step: Step): Promise<void> {
    if (step.do === 'wait') {
      const matching = (): boolean => this.story().filter((line) => line.includes(step.for)).length >= step.count;
      return this.log.until(matching, `${step.count} times "${step.for}"`, step.within * 1000);
    }
    if (step.do === 'collector') return step.action === 'kill' ? this.stage.collector.kill() : this.stage.collector.start();
    return this.openOwn();
  }

  /** Steps that the machine can do without us are done in one go: each trip into the emulated machine takes its time. */
  private async performAll(steps: readonly Step[], at: number): Promise<void> {
    for (let i = at; i < steps.length; ) {
      const step = steps[i];
      if (step === undefined) return;
      if (steps.slice(i).every((one) => one.do === 'wait')) this.settled();
      if (this.needsUs(step)) {
        await this.performOurs(step).catch((error: unknown) => this.fail(steps, i, error));
        ++i;
      } else {
        i = await this.stage.turns.act(true, () => this.performGroup(steps, i));
      }
    }
    this.settled();
  }

  /** Does the steps from `at` up to the first that needs us. Resolves to the index of that. */
  private async performGroup(steps: readonly Step[], at: number): Promise<number> {
    let end = at;
    for (let step = steps[end]; step !== undefined && !this.needsUs(step); step = steps[end]) ++end;
    if (end > at) await this.director.perform(steps.slice(at, end)).catch((error: unknown) => this.fail(steps, at, error));
    return end;
  }

  private fail(steps: readonly Step[], at: number, error: unknown): never {
    const index = error instanceof StepError ? at + error.index : at;
    const [step] = steps.slice(index, index + 1);
    throw step === undefined ? error : new Error(soFar(index, step, error, this.story()));
  }

  /**
   * The story when everything that began has ended, up to a mark that each of the guest's processors made after that: nothing that was told by then is missing. Resolves
   * to what is wrong with it.
   */
  private async verdict(): Promise<string | undefined> {
    const { scenario, log } = this;
    await log.until(() => isComplete(scenario, this.story()), '').catch(() => undefined);
    const from = log.entries.length;
    const mark = await this.stage.turns.act(true, () => this.director.mark());
    const marked = (): Entry | undefined => log.entries.slice(from).find((entry) => isMark(entry, mark));
    await log.until(() => marked() !== undefined, 'the mark at the end of the story');
    const last = marked()?.sequence ?? 0n;
    if (!this.hasOwn && this.from === undefined) return 'the log does not tell of all services and real servers that were set up';
    const wrong = judge(
      scenario,
      this.entries().filter(({ sequence }) => sequence < last),
      log.gaps,
    );
    if (wrong === undefined && !this.hasOwn) this.stage.ended.push({ scenario: scenario.name, netns: this.director.netns, last });
    return wrong;
  }

  private async play(): Promise<string | undefined> {
    const { scenario, director } = this;
    const at = await this.stage.turns.act(false, async () => {
      this.began = performance.now();
      this.begin = await director.setUp();
      if (this.hasOwn && !scenario.capture_later) await this.openOwn();
      return this.performGroup(scenario.steps, 0);
    });
    await this.performAll(scenario.steps, at);
    return this.verdict();
  }

  private async leave(): Promise<void> {
    this.own?.stop();
    rmSync(this.folder, { recursive: true, force: true });
    await this.stage.turns.act(true, async () => {
      if (this.hasOwn) await this.director.tell(...this.capture.remove);
      await this.director.tearDown();
    });
  }

  get seconds(): number {
    return (performance.now() - this.began) / 1000;
  }

  async go(): Promise<string | undefined> {
    const failure = await this.play().catch(sentence);
    this.settled();
    const left = await this.leave().then(() => undefined, sentence);
    return failure ?? left;
  }
}

/** Runs one scenario from its set-up to its verdict. `settled` is called once nothing is left of it but to wait for the kernel's timers, or when it is over. */
export async function runScenario(stage: Stage, scenario: Scenario, settled: () => void = () => undefined): Promise<Result> {
  const run = new Run(stage, scenario, settled);
  const result = await attempt(scenario.name, () => run.go(), stage.machine);
  return { ...result, seconds: run.seconds };
}
