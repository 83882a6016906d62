// The real kernel's part of the tests: `npm run test:vm -- [--kernel DIR]... [--only NAME]... [--list] [--keep]`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readScenarios, type Scenario } from '../conformance/scenario.js';
import { CollectorProcess } from './collector.js';
import { SubscriberLog } from './event-log.js';
import { expiryOnKernel } from './expiry.js';
import { findKernel } from './kernel.js';
import { knobsOfKernel } from './knobs.js';
import { Machine } from './machine.js';
import { compareWithSql } from './proof.js';
import { type Result, runScenario, startCapture } from './runner.js';
import { CACHE, defaultFiles, defaultKernels, ROOT } from './setting.js';
import { upBesideIpvs } from './whole.js';

/** Scenarios at a time. They mostly wait for the kernel's timers. */
const AT_ONCE = 8;

interface Options {
  readonly kernels: string[];
  readonly only: string[];
  readonly list: boolean;
  /** Leaves the collector's data and log where they are, and says where. */
  readonly keep: boolean;
}

function options(args: string[]): Options {
  const found: Options = { kernels: [], only: [], list: args.includes('--list'), keep: args.includes('--keep') };
  for (let i = 0; i < args.length; ++i) {
    const option = args[i];
    if (option === '--list' || option === '--keep') continue;
    const value = args[++i];
    if ((option !== '--kernel' && option !== '--only') || value === undefined) {
      throw new Error(`${option}: use [--kernel DIR]... [--only NAME]... [--list] [--keep]; DIR holds boot/ and lib/modules/`);
    }
    (option === '--kernel' ? found.kernels : found.only).push(value);
  }
  return found;
}

/**
 * A guest without hardware acceleration shares its two processors with whatever else the machine does: now and then a step comes later than the kernel's timer that
 * it was to be ahead of. So a scenario that failed is played once more, alone. What is wrong in the product fails again; and a run in which more than this many fail is
 * not excused.
 */
const SECOND_TRIES = 4;

function report(result: Result): void {
  const head = `${result.failure === undefined ? 'ok    ' : 'FAILED'} ${result.scenario} (${result.seconds.toFixed(0)} s)`;
  console.log(result.failure === undefined ? `  ${head}` : `  ${head}\n    ${result.failure}`);
}

async function runAll(
  machine: Machine,
  scenarios: readonly Scenario[],
  log: SubscriberLog,
  collector: CollectorProcess,
): Promise<Result[]> {
  const results: Result[] = [];
  const run = async (scenario: Scenario): Promise<void> => {
    const result = await runScenario(machine, scenario, log, collector);
    report(result);
    results.push(result);
  };
  // Loading programs into the kernel takes minutes while others come and go: those with a capture of their own are first, among themselves.
  const own = scenarios.filter((scenario) => !scenario.alone && scenario.own_capture !== undefined);
  await Promise.all(own.map(run));
  const together = scenarios
    .filter((scenario) => !scenario.alone && scenario.own_capture === undefined)
    .sort((a, b) => Number(b.slow) - Number(a.slow));
  const workers = Array.from({ length: AT_ONCE }, async () => {
    for (let next = together.shift(); next !== undefined; next = together.shift()) await run(next);
  });
  await Promise.all(workers);
  for (const scenario of scenarios.filter((scenario) => scenario.alone)) await run(scenario);
  const failed = results.filter((result) => result.failure !== undefined);
  if (failed.length > SECOND_TRIES) return results;
  for (const first of failed) {
    const scenario = scenarios.find(({ name }) => name === first.scenario);
    if (scenario === undefined) continue;
    console.log(`  ${first.scenario} once more, alone`);
    const second = await runScenario(machine, scenario, log, collector);
    report(second);
    results[results.indexOf(first)] = second;
  }
  return results;
}

async function onKernel(folder: string, scenarios: readonly Scenario[], withKnobs: boolean, keep: boolean): Promise<Result[]> {
  const kernel = findKernel(folder);
  console.log(`${kernel.release}: ${scenarios.length} scenarios`);
  const scratch = mkdtempSync(join(tmpdir(), 'vslog-vm-'));
  const machine = await Machine.boot(kernel, defaultFiles(), CACHE);
  const socket = join(scratch, 'capture.sock');
  const log = new SubscriberLog(socket, 'judge');
  const collector = new CollectorProcess(socket, scratch);
  try {
    await startCapture(machine);
    await machine.bridge(socket);
    // What every known durable subscriber has is let go: the second one must be known before the first one acknowledges.
    log.holding = true;
    void log.follow();
    await log.until((entries) => entries.length > 0, 20_000, 'the first record of the log');
    await collector.start();
    await collector.untilConnected();
    log.holding = false;
    const results = await runAll(machine, scenarios, log, collector);
    if (withKnobs) {
      for (const play of [knobsOfKernel, expiryOnKernel]) {
        const result = await play(machine, socket, log);
        report(result);
        results.push(result);
      }
    }
    const proof = await compareWithSql(log, collector);
    report(proof);
    return [...results, proof];
  } catch (error) {
    const result = {
      scenario: `${kernel.release} as a whole`,
      seconds: 0,
      failure: error instanceof Error ? error.message : String(error),
    };
    report(result);
    return [result];
  } finally {
    log.stop();
    await collector.stop();
    await machine.stop();
    if (keep) console.log(`  the collector's data and log are in ${scratch}`);
    else rmSync(scratch, { recursive: true, force: true });
  }
}

// Ending by a signal runs the exit handlers too: no machine and no collector stays behind.
for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) process.once(signal, () => process.exit(130));

const { kernels, only, list, keep } = options(process.argv.slice(2));
const all = readScenarios(join(ROOT, 'test/scenarios')).filter((scenario) => scenario.only !== 'engine');
/** Not a file: `vslog up` itself in the machine, on the last of the kernels. */
const WHOLE = 'up-beside-ipvs';
/** Not a file either: each knob of each kernel. */
const KNOBS = 'knobs';
for (const name of only) {
  if (name !== WHOLE && name !== KNOBS && !all.some((scenario) => scenario.name === name))
    throw new Error(`no scenario is called ${name}; --list shows them`);
}
const scenarios = only.length === 0 ? all : all.filter((scenario) => only.includes(scenario.name));
if (list) {
  for (const scenario of all) console.log(`${scenario.name}: ${scenario.description}`);
  console.log(
    `${KNOBS}: every knob of each kernel set and set back, services and real servers, and who did it; connections listed and ended.`,
  );
  console.log(`${WHOLE}: vslog up in the machine, capture, collector and store beside the kernel's balancer, and SQL's answer.`);
} else {
  const folders = kernels.length > 0 ? kernels : defaultKernels();
  const results: Result[] = [];
  const withKnobs = only.length === 0 || only.includes(KNOBS);
  if (scenarios.length > 0 || withKnobs)
    for (const folder of folders) results.push(...(await onKernel(folder, scenarios, withKnobs, keep)));
  if (only.length === 0 || only.includes(WHOLE)) {
    const result = await upBesideIpvs(findKernel(folders.at(-1) ?? ''));
    report(result);
    results.push(result);
  }
  const failed = results.filter((result) => result.failure !== undefined).length;
  console.log(`${results.length - failed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && results.length > 0 ? 0 : 1;
}
