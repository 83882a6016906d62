import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { z } from 'zod';
import type { TestResult } from './results.js';

const VITEST = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(
        z.object({
          fullName: z.string(),
          status: z.string(),
          duration: z.number().nullish(),
          failureMessages: z.array(z.string()).nullish(),
          meta: z.object({ logs: z.string().optional() }).nullish(),
        }),
      ),
    }),
  ),
});

/** A report that a stage wrote. Throws a sentence with its path: a full disk cuts it off. */
function reportAt<T>(path: string, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new Error(`${path} is no whole report: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Tests of a report by vitest's reporter `json`. A file that could not be loaded is a failure of its own. */
export function readVitest(stage: string, path: string, root: string): TestResult[] {
  const { testResults } = reportAt(path, VITEST);
  return testResults.flatMap((file) => {
    const name = relative(root, file.name);
    const tests = file.assertionResults.map(
      ({ fullName, status, duration, failureMessages, meta }): TestResult => ({
        stage,
        name: `${name} › ${fullName}`,
        seconds: (duration ?? 0) / 1000,
        outcome: status === 'passed' || status === 'failed' ? status : 'skipped',
        message: failureMessages == null || failureMessages.length === 0 ? undefined : failureMessages.join('\n'),
        logs: meta?.logs,
      }),
    );
    const told = tests.some(({ outcome }) => outcome === 'failed');
    if (file.status !== 'failed' || told) return tests;
    return [...tests, { stage, name, seconds: 0, outcome: 'failed', message: file.message || 'The file could not be loaded.' }];
  });
}

/** Tests of the JUnit files in `folder` that begin with `prefix`, as GoogleTest and ctest write them. */
export function readJunit(stage: string, folder: string, prefix: string): TestResult[] {
  const files = readdirSync(folder).filter((name) => name.startsWith(prefix) && name.endsWith('.xml'));
  return files.sort().flatMap((name) => junitCases(stage, basename(name, '.xml'), readFileSync(join(folder, name), 'utf8')));
}

/** The cases of one JUnit text. */
export function junitCases(stage: string, suite: string, xml: string): TestResult[] {
  const found: TestResult[] = [];
  for (const [, head = '', slash, body = ''] of xml.matchAll(/<testcase\b([^>]*?)(?:(\/)>|>([\s\S]*?)<\/testcase>)/g)) {
    const of = (attribute: string): string => plain(new RegExp(`\\b${attribute}="([^"]*)"`).exec(head)?.[1] ?? '');
    const inside = slash === undefined ? body : '';
    const failure = /<(?:failure|error)\b([^>]*?)(?:\/>|>([\s\S]*?)<\/(?:failure|error)>)/.exec(inside);
    const output = /<system-out>([\s\S]*?)<\/system-out>/.exec(inside)?.[1];
    const left = /<skipped\b/.test(inside) || ['notrun', 'disabled', 'suppressed'].includes(of('status')) || of('result') === 'skipped';
    const [attributes = '', text = ''] = failure?.slice(1) ?? [];
    const message = plain(text) || plain(/\bmessage="([^"]*)"/.exec(attributes)?.[1] ?? '');
    found.push({
      stage,
      name: `${suite} › ${[of('classname'), of('name')].filter((part) => part !== '' && part !== of('name')).join('.')}${of('classname') === of('name') || of('classname') === '' ? '' : '.'}${of('name')}`,
      seconds: Number(of('time')) || 0,
      outcome: failure !== null ? 'failed' : left ? 'skipped' : 'passed',
      message: failure === null ? undefined : message || 'It failed.',
      logs: failure === null || output === undefined ? undefined : plain(output),
    });
  }
  return found;
}

function plain(text: string): string {
  const cdata = text.replace(/<!\[CDATA\[([\s\S]*?)\]\]>/g, '$1');
  const names: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
  return cdata
    .replace(/&(?:#(\d+)|#x([0-9a-fA-F]+)|(lt|gt|quot|apos|amp));/g, (_, decimal?: string, hex?: string, name?: string) =>
      name !== undefined
        ? (names[name] ?? '')
        : String.fromCodePoint(decimal === undefined ? Number.parseInt(hex ?? '0', 16) : Number(decimal)),
    )
    .trim();
}

const VM = z.array(
  z.object({
    name: z.string(),
    kernel: z.string(),
    seconds: z.number(),
    failure: z.string().nullish(),
    /** What the first try failed with, when the second one passed. */
    flaky: z.string().nullish(),
    logs: z.string().nullish(),
  }),
);

/** Scenarios of the virtual machines, as test/vm/main.ts writes them. */
export function readVm(stage: string, path: string): TestResult[] {
  if (!existsSync(path)) throw new Error('The virtual machines wrote no results.');
  return reportAt(path, VM).map(({ name, kernel, seconds, failure, flaky, logs }) => ({
    stage,
    name: `${name} on ${kernel}`,
    seconds,
    outcome: failure != null ? 'failed' : flaky != null ? 'flaky' : 'passed',
    message: failure ?? flaky ?? undefined,
    logs: logs ?? undefined,
  }));
}
