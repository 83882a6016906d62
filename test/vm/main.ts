// The real kernel's part of the tests: `npm run test:vm -- [--kernel DIR]... [--only NAME]... [--list] [--keep]`.
import { join } from 'node:path';
import { readScenarios } from '../conformance/scenario.js';
import { findKernel } from './kernel.js';
import { playOn } from './kernel-run.js';
import { sentence } from './result.js';
import { defaultKernels, ROOT } from './setting.js';
import { conclude, MOST_FLAKY, type Played, report, writeResults } from './summary.js';
import { upBesideIpvs } from './whole.js';

/** What the end of the gate reads. */
const RESULTS = join(ROOT, '.cache/test/vm.json');
/** Not a file: `vslog up` itself in the machine, on the last of the kernels. */
const WHOLE = 'up-beside-ipvs';
/** Not a file either: each knob of each kernel. */
const KNOBS = 'knobs';

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

// Ending by a signal runs the exit handlers too: no machine and no collector stays behind.
for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) process.once(signal, () => process.exit(130));

async function main(args: string[]): Promise<void> {
  const { kernels, only, list, keep } = options(args);
  const all = readScenarios(join(ROOT, 'test/scenarios')).filter((scenario) => scenario.only !== 'engine');
  if (all.length === 0) throw new Error('there are no scenarios in test/scenarios');
  for (const name of only) {
    if (name !== WHOLE && name !== KNOBS && !all.some((scenario) => scenario.name === name))
      throw new Error(`no scenario is called ${name}; --list shows them`);
  }
  if (list) {
    for (const scenario of all) console.log(`${scenario.name}: ${scenario.description}`);
    console.log(
      `${KNOBS}: every knob of each kernel set and set back, services and real servers, and who did it; connections listed and ended; a capture beside other namespaces.`,
    );
    console.log(`${WHOLE}: vslog up in the machine, capture, collector and store beside the kernel's balancer, and SQL's answer.`);
  } else {
    const found = (kernels.length > 0 ? kernels : defaultKernels()).map(findKernel);
    const scenarios = only.length === 0 ? all : all.filter((scenario) => only.includes(scenario.name));
    const withKnobs = only.length === 0 || only.includes(KNOBS);
    let seconds = 0;
    const maySecond = (): boolean => ++seconds <= MOST_FLAKY;
    const runs: Promise<readonly Played[]>[] = [];
    const calm = (scenarios.length > 0 || withKnobs ? found : []).map(
      (kernel) =>
        new Promise<void>((resolve) => {
          runs.push(playOn(kernel, { scenarios, withKnobs, keep, maySecond, calm: resolve }));
        }),
    );
    const last = found.at(-1);
    if (last !== undefined && (only.length === 0 || only.includes(WHOLE))) {
      // Node and a database in an emulated machine take their time: they have it while the others wait for their kernels' timers.
      const whole = Promise.all(calm).then(async () => {
        const first = await upBesideIpvs(last);
        report(last.release, first);
        if (first.failure === undefined || !maySecond()) return [{ kernel: last.release, first }];
        console.log(`  ${last.release} ${WHOLE} once more`);
        const second = await upBesideIpvs(last);
        report(last.release, second);
        return [{ kernel: last.release, first, second }];
      });
      runs.push(whole);
    }
    const played = (await Promise.all(runs)).flat();
    process.exitCode = conclude(played) ? 0 : 1;
    writeResults(RESULTS, played);
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`test:vm: ${sentence(error)}`);
  // What still runs ends with this process.
  process.exit(1);
}
