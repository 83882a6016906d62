import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readJunit, readVitest, readVm } from './read.js';
import type { TestResult } from './results.js';

/** A part of the tests that is run by itself. */
export interface Stage {
  readonly name: string;
  readonly what: string;
  /** Run one after the other, all of them even when one fails. A command counts as one test in a stage without `read`. */
  readonly commands: readonly (readonly string[])[];
  /** Removes what an earlier run left, so that it cannot be taken for this one's. */
  readonly forget?: (logs: string) => void;
  /** What the tests were, from the files that they wrote. Throws when there are none. */
  readonly read?: (logs: string, root: string) => TestResult[];
  /** Its programs end in a line "N passed, M failed", which counts what the files do not have, too. */
  readonly counts?: boolean;
  /** Priority of its processes: what computes gives way to what waits, which would else be late. */
  readonly nice?: number;
}

const npx = (name: string, ...args: readonly string[]): readonly string[] => [join('node_modules/.bin', name), ...args];

/** A program of ours. Not by tsx's own command: that kills its child 30 ms after a signal, before it has cleaned up. */
const ours = (path: string, ...args: readonly string[]): readonly string[] => ['node', '--import', 'tsx', path, ...args];

function vitest(name: string, what: string, { project = name, files = [] }: { project?: string; files?: readonly string[] } = {}): Stage {
  const report = (logs: string): string => join(logs, `vitest-${name}.json`);
  return {
    name,
    what,
    commands: [
      npx(
        'vitest',
        'run',
        '--project',
        project,
        ...files,
        '--reporter=default',
        '--reporter=json',
        `--outputFile.json=.cache/test/vitest-${name}.json`,
      ),
    ],
    forget: (logs) => rmSync(report(logs), { force: true }),
    read: (logs, root) => {
      if (!existsSync(report(logs))) throw new Error('vitest wrote no report');
      return readVitest(name, report(logs), root);
    },
  };
}

function native(name: string, what: string, ...parts: readonly string[]): Stage {
  return {
    name,
    what,
    commands: [['bash', 'scripts/test-native.sh', ...parts]],
    read: (logs) => readJunit(name, logs, 'native-'),
    counts: true,
    nice: 5,
  };
}

const lint: Stage = {
  name: 'lint',
  what: 'Biome and the TypeScript compiler',
  commands: [
    npx('biome', 'check', '--error-on-warnings', '.'),
    npx('tsc', '--noEmit', '-p', 'tsconfig.json'),
    npx('tsc', '--noEmit', '-p', 'web/tsconfig.json'),
  ],
};

const vm = (...args: readonly string[]): Stage => ({
  name: 'vm',
  what: "the shipped programs on Debian's own kernels in QEMU",
  commands: [ours('test/vm/main.ts', ...args)],
  forget: (logs) => rmSync(join(logs, 'vm.json'), { force: true }),
  read: (logs) => readVm('vm', join(logs, 'vm.json')),
  counts: true,
});

const unit = vitest('unit', 'test/unit and the golden bytes of both languages');

/** Stages that run beside each other: those of one lane one after the other, the lanes beside each other. */
export type Lanes = readonly (readonly Stage[])[];

/**
 * The stages of `npm test`, in phases: first what finds most faults soonest, and computes. Then what waits much of the time: end-to-end tests for their processes, the
 * virtual machines for the timers of their kernels.
 */
export const GATE: readonly Lanes[] = [
  [[lint, unit, native('native', 'GoogleTest under sanitizers, fuzz targets, clang-tidy')]],
  [
    [vitest('e2e', 'real processes, two files at a time')],
    [vitest('heavy', 'end-to-end tests that start a Kafka broker or a ClickHouse server, or compare times, one file at a time')],
    [vm()],
  ],
];

/** The stages of `npm run check`. */
export const CHECK: readonly Lanes[] = [[[lint, unit], [native('native', 'GoogleTest under ASan and UBSan', 'quick')]]];

/** What only `npm run test:long` does: docs/development.md has the list. */
export function long({
  minutes,
  rounds,
  kernels,
}: {
  readonly minutes: number;
  readonly rounds: number;
  readonly kernels: readonly string[];
}): readonly Lanes[] {
  return [
    [
      [
        vitest('long', "the benchmarks' own tests"),
        vitest('kafka', 'errors and faults on both versions of Kafka', {
          project: 'heavy',
          files: ['test/e2e/kafka-errors.test.ts', 'test/e2e/kafka-faults.test.ts'],
        }),
        {
          name: 'fault',
          what: `${rounds} faults under load`,
          commands: [ours('test/fault/main.ts', '--rounds', String(rounds))],
        },
        native('fuzz', `each fuzz target for ${minutes} minutes`, 'fuzz', '--minutes', String(minutes)),
        ...(kernels.length === 0 ? [] : [vm(...kernels.flatMap((folder) => ['--kernel', folder]))]),
      ],
    ],
  ];
}

/** The line of results that a program's output ends in. */
export function countedIn(log: string): { readonly passed: number; readonly failed: number } | undefined {
  const found = [...readFileSync(log, 'utf8').matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1);
  return found === undefined ? undefined : { passed: Number(found[1]), failed: Number(found[2]) };
}
