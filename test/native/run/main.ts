// The native tests: `bash scripts/test-native.sh [quick] [unit] [fuzz [--minutes N]] [tidy]`. Ends in a line "N passed, M failed"; reports are .cache/test/native-*.xml.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PATIENCE_VARIABLE, patienceFactor } from '../../support/patience.js';
import { build } from './build.js';
import { endAll } from './command.js';
import { fuzz } from './fuzz.js';
import { runPrograms } from './gtest.js';
import { ASAN, LOGS, ROOT, say } from './place.js';
import { type Case, writeJunit } from './results.js';
import { tidy } from './tidy.js';

const TSAN = join(ROOT, 'build/native-tsan');
/** Time for each fuzz target, s. */
const FUZZ_SECONDS = 5;

/** Seconds of each part that ran, in order. */
const parts = new Map<string, number>();
const all: Case[] = [];

async function timed<T>(part: string, action: () => Promise<T>): Promise<T> {
  const began = performance.now();
  try {
    return await action();
  } finally {
    parts.set(part, (parts.get(part) ?? 0) + (performance.now() - began) / 1000);
  }
}

/** Takes a part's cases into the results, and tells those that failed. */
function take(report: string, cases: readonly Case[]): void {
  writeJunit(join(LOGS, `native-${report}.xml`), report, cases);
  all.push(...cases);
  const failed = cases.filter(({ failure }) => failure !== undefined);
  for (const { group, name, failure, output } of failed) {
    say(`FAILED ${report}: ${group}.${name}`);
    for (const line of `${failure}\n${output ?? ''}`.trimEnd().split('\n')) process.stdout.write(`    ${line}\n`);
  }
  say(`${report}: ${cases.length - failed.length} of ${cases.length} passed`);
}

/** Builds a preset; false when it failed, which is then a result. */
async function built(preset: string, folder: string): Promise<boolean> {
  const failed = await timed(`build ${preset}`, () => build({ preset, folder }));
  if (failed !== undefined) take(`build-${preset}`, [failed]);
  return failed === undefined;
}

const PARTS: Readonly<Record<string, () => Promise<void>>> = {
  /** All unit tests, under ASan and UBSan. */
  quick: async () => {
    if (await built('asan', ASAN)) take('asan', await timed('run asan', () => runPrograms(ASAN, 'asan')));
  },
  /** The same, and the rooms that have threads under TSan. */
  unit: async () => {
    await PARTS.quick?.();
    if (await built('tsan', TSAN)) take('tsan', await timed('run tsan', () => runPrograms(TSAN, 'tsan')));
  },
  fuzz: async () => {
    if (await built('fuzz', ASAN)) take('fuzz', await timed('fuzz', () => fuzz(fuzzSeconds)));
  },
  tidy: async () => {
    if (await built('generated', ASAN)) take('tidy', await timed('tidy', tidy));
  },
};

let fuzzSeconds = Number(process.env.FUZZ_SECONDS) || FUZZ_SECONDS;

function chosen(args: readonly string[]): string[] {
  const names: string[] = [];
  for (let i = 0; i < args.length; ++i) {
    const arg = args[i] as string;
    if (arg === '--minutes') {
      fuzzSeconds = Math.round(60 * Number(args[++i]));
      if (!(fuzzSeconds > 0)) throw new Error('--minutes must be followed by a number above 0.');
    } else if (PARTS[arg] === undefined)
      throw new Error(`"${arg}" is no part of the native tests; they are ${Object.keys(PARTS).join(', ')}.`);
    else names.push(arg);
  }
  return names.length > 0 ? names : ['unit', 'fuzz', 'tidy'];
}

for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) {
  process.once(signal, () => {
    endAll();
    process.exit(130);
  });
}

try {
  const names = chosen(process.argv.slice(2));
  process.env[PATIENCE_VARIABLE] = String(patienceFactor());
  mkdirSync(LOGS, { recursive: true });
  // What an earlier run left must not be taken for this one's.
  for (const name of readdirSync(LOGS)) {
    if (name.startsWith('native-')) rmSync(join(LOGS, name), { recursive: true, force: true });
  }
  for (const name of names) await PARTS[name]?.();
} catch (error) {
  endAll();
  all.push({ group: 'native', name: 'stage', seconds: 0, failure: error instanceof Error ? error.message : String(error) });
  say(`FAILED: ${all.at(-1)?.failure}`);
}
for (const [part, seconds] of parts) say(`${seconds.toFixed(1).padStart(7)} s  ${part}`);
const failed = all.filter(({ failure }) => failure !== undefined).length;
process.stdout.write(`${all.length - failed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 && all.length > 0 ? 0 : 1;
// Last: what stands above is told, too, where this cannot be written.
writeFileSync(join(LOGS, 'native-parts.json'), `${JSON.stringify(Object.fromEntries(parts), undefined, 1)}\n`);
