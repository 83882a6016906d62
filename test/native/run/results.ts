import { writeFileSync } from 'node:fs';

/** One native test: a case of GoogleTest, a fuzz target, a file that clang-tidy looked at, or a build. */
export interface Case {
  /** Group that it belongs to, such as the test suite. */
  readonly group: string;
  readonly name: string;
  readonly seconds: number;
  /** What was expected and what came; undefined: it passed. */
  readonly failure?: string | undefined;
  /** Last lines of what its program printed. */
  readonly output?: string | undefined;
}

/** Longest text of one failure, and of one output, in a report. */
const TEXT_LIMIT = 8000;

/** Writes cases as a JUnit file. */
export function writeJunit(path: string, name: string, cases: readonly Case[]): void {
  writeFileSync(path, junit(name, cases));
}

export function junit(name: string, cases: readonly Case[]): string {
  const failures = cases.filter(({ failure }) => failure !== undefined).length;
  const lines = cases.map(({ group, name, seconds, failure, output }) => {
    const head = `<testcase classname="${escaped(group)}" name="${escaped(name)}" time="${seconds.toFixed(3)}"`;
    if (failure === undefined) return `    ${head}/>`;
    const said = output === undefined || output === '' ? '' : `<system-out>${escaped(clipped(output))}</system-out>`;
    return `    ${head}><failure message="${escaped(clipped(failure).split('\n')[0] ?? '')}">${escaped(clipped(failure))}</failure>${said}</testcase>`;
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites>',
    `  <testsuite name="${escaped(name)}" tests="${cases.length}" failures="${failures}">`,
    ...lines,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

/** The last `count` lines of a text. */
export function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}

/** The beginning and the end of a long text. */
function clipped(text: string): string {
  if (text.length <= TEXT_LIMIT) return text;
  const half = TEXT_LIMIT / 2;
  return `${text.slice(0, half)}\n... ${text.length - TEXT_LIMIT} characters ...\n${text.slice(-half)}`;
}

function escaped(text: string): string {
  const names: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  // XML has no way to write the other control characters.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd').replace(/[&<>"]/g, (c) => names[c] ?? c);
}
