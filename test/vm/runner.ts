import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { v1 } from '../../src/wire/proto.js';
import { Director } from './director.js';
import { type Entry, idOf, netnsOf, SubscriberLog } from './event-log.js';
import type { Machine } from './machine.js';
import type { Scenario, Step } from './scenario.js';
import { Story } from './story.js';

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

/** Every create and snapshot has its one end, and nothing ends twice. */
function unpaired(entries: readonly Entry[]): string[] {
  const [begun, ended] = [new Map<string, number>(), new Map<string, number>()];
  for (const { conn } of entries) {
    if (conn === undefined) continue;
    const kinds = v1.EventKind.Value;
    const id = idOf(conn.conn_id);
    if (conn.kind === kinds.create || conn.kind === kinds.snapshot) begun.set(id, (begun.get(id) ?? 0) + 1);
    if (conn.kind === kinds.expire) ended.set(id, (ended.get(id) ?? 0) + 1);
  }
  const wrong = [...begun]
    .filter(([id, n]) => n !== 1 || ended.get(id) !== 1)
    .map(([id, n]) => `connection ${id}: ${n} begins, ${ended.get(id) ?? 0} ends`);
  return [...wrong, ...[...ended.keys()].filter((id) => !begun.has(id)).map((id) => `connection ${id}: ended without a begin`)];
}

/** Timers that are due at about the same time fire in no order that the kernel promises (kernel/time/timer.c): runs of such ends are compared as sets. */
function comparable(story: readonly string[]): string[] {
  const lines: string[] = [];
  let run: string[] = [];
  for (const line of [...story, '']) {
    if (line.startsWith('expire') && line.endsWith('reason=timeout')) run.push(line);
    else {
      lines.push(...run.sort(), line);
      run = [];
    }
  }
  return lines.slice(0, -1);
}

function difference(expected: readonly string[], got: readonly string[]): string {
  const lines: string[] = [];
  for (let i = 0; i < Math.max(expected.length, got.length); ++i) {
    if (expected[i] === got[i]) lines.push(`      ${got[i]}`);
    else {
      if (expected[i] !== undefined) lines.push(`    - ${expected[i]}`);
      if (got[i] !== undefined) lines.push(`    + ${got[i]}`);
    }
  }
  return `the story is another (- expected, + got):\n${lines.join('\n')}`;
}

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

  private entries(): Entry[] {
    return this.log.entries.filter(
      (entry) =>
        entry.sequence > this.first && (netnsOf(entry) === this.director.netns || (this.own !== undefined && netnsOf(entry) === 0)),
    );
  }

  private story(): string[] {
    return Story.tell(this.entries());
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
        await this.director.perform(step);
    }
  }

  /** The end of the story: everything that began has ended, and nothing has come for a moment. */
  private async untilQuiet(): Promise<void> {
    const { scenario } = this;
    const complete = () => {
      const story = this.story();
      if (scenario.expect !== undefined) return story.length >= scenario.expect.length;
      return Object.entries(scenario.totals ?? {}).every(([text, count]) => story.filter((line) => line.includes(text)).length >= count);
    };
    await this.log.until(complete, 90_000, 'the rest of the story').catch(() => undefined);
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
      for (const [i, step] of scenario.steps.entries()) {
        try {
          await this.perform(step);
        } catch (error) {
          throw new Error(
            `step ${i + 1} (${step.do}): ${error instanceof Error ? error.message : String(error)}\n    the story so far:\n${this.story()
              .map((line) => `      ${line}`)
              .join('\n')}`,
          );
        }
      }
      await this.untilQuiet();
      return this.judge();
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

  private judge(): string | undefined {
    const { scenario } = this;
    const story = this.story();
    if (scenario.expect !== undefined) {
      const [expected, got] = [comparable(scenario.expect), comparable(story)];
      if (expected.join('\n') !== got.join('\n')) return difference(expected, got);
    }
    for (const [text, count] of Object.entries(scenario.totals ?? {})) {
      const found = story.filter((line) => line.includes(text)).length;
      if (found !== count)
        return `"${text}" stands in ${found} lines and not in ${count}:\n${story
          .slice(-40)
          .map((line) => `      ${line}`)
          .join('\n')}`;
    }
    if (scenario.exact_loss !== undefined) {
      const { text, of } = scenario.exact_loss;
      const lost = this.entries().reduce((sum, { control }) => sum + (control === undefined ? 0 : Number(idOf(control.lost))), 0);
      const told = story.filter((line) => line.includes(text)).length;
      if (lost === 0 || lost !== of - told) return `the loss records count ${lost}; of ${of} events "${text}" the story tells ${told}`;
    }
    if (scenario.paired) {
      const wrong = unpaired(this.entries());
      if (wrong.length > 0) return `begins and ends do not pair: ${wrong.slice(0, 5).join('; ')}`;
    }
    if (this.log.gaps.length > 0) return `sequences are missing: ${this.log.gaps.join(', ')}`;
    return undefined;
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
