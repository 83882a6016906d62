import { parseAst } from 'vitest/node';
import { isTimer, Times } from './times.js';
import { field, literal, type Node, nameOf, plain, rootOf, walk } from './tree.js';
import type { Wait } from './waits.js';
import { shellWaits } from './waits-in-text.js';

const TESTS = new Set(['it', 'test', 'describe', 'suite', 'bench']);
const HOOKS = new Set(['beforeAll', 'afterAll', 'beforeEach', 'afterEach', 'onTestFinished']);
/** Options that are limits of Vitest's, of Node's child processes and of Playwright's. */
const LIMITS = new Set(['timeout', 'testTimeout', 'hookTimeout', 'teardownTimeout']);
/** Functions whose last argument, or only one, is a limit when it is a number. */
const LIMITED = new Set(['waitFor', 'waitUntil', 'setDefaultTimeout', 'setDefaultNavigationTimeout', 'waitForTimeout']);
const COMPARISONS = new Set(['<', '<=', '>', '>=']);
const EXPECTATIONS = /^toBe((Less|Greater)Than(OrEqual)?|CloseTo)$/;
/** Node's modules of timers. What is imported from there may get any name. */
const TIMERS = /^(node:)?timers(\/promises)?$/;

const USE = 'wait for a condition with until(), or let time pass with pause(), of test/support/patience.ts';
const LIMIT = 'a limit is WAIT_MS, COMMAND_MS or TEST_MS of test/support/patience.ts; most need none';
const TIMER = `a bare timer: ${USE}`;
const PASSED = 'a limit of the time that has passed: compare with what was measured in the same run, or wait for a condition';

/** What waits by itself in TypeScript or JavaScript, in the order of the text. */
export function typescriptWaits(path: string, text: string): Wait[] {
  const program = parseAst(text, { lang: path.endsWith('x') ? 'tsx' : 'ts' }) as unknown as Node;
  const times = new Times(program);
  const lines = lineStarts(text);
  const found: Wait[] = [];
  const tell = ({ start }: Node, what: string): void => void found.push({ line: lineOf(lines, start), what });
  const shell = (node: Node, script: string): void => {
    for (const { line, what } of shellWaits(script)) found.push({ line: lineOf(lines, node.start) + line - 1, what });
  };
  walk(program, (node) => {
    switch (node.type) {
      case 'ImportDeclaration':
      case 'ImportExpression':
      case 'ExportNamedDeclaration':
      case 'ExportAllDeclaration':
        if (TIMERS.test(String(literal(field(node, 'source'))))) tell(node, TIMER);
        break;
      case 'CallExpression':
        call(node, times, tell);
        break;
      case 'VariableDeclarator':
        if (isTimer(node.init)) tell(node, TIMER);
        break;
      case 'AssignmentExpression':
        if (isTimer(node.right)) tell(node, TIMER);
        break;
      case 'ObjectPattern':
        if ((node.properties as readonly Node[]).some((property) => nameOf(field(property, 'key')) === 'setTimeout')) tell(node, TIMER);
        break;
      case 'Property':
        if (LIMITS.has(nameOf(field(node, 'key'))) && times.isNumber(node.value)) tell(node, `a time limit: ${LIMIT}`);
        break;
      case 'ArrayExpression':
        command(node.elements as readonly Node[], node, tell);
        break;
      case 'BinaryExpression':
        binary(node, times, tell);
        break;
      case 'Literal':
        if (typeof node.value === 'string') shell(node, node.value);
        break;
      case 'TemplateElement':
        shell(node, String((node.value as { readonly raw: string }).raw));
        break;
    }
  });
  return found;
}

function call(node: Node, times: Times, tell: (node: Node, what: string) => void): void {
  const callee = plain(field(node, 'callee'));
  const given = node.arguments as readonly Node[];
  const name = nameOf(callee);
  const root = rootOf(callee);
  const of = nameOf(field(callee, 'object'));
  const last = given.at(-1);
  if (isTimer(callee) || given.some(isTimer) || (name === 'setTimeout' && /Function/.test(given[0]?.type ?? ''))) tell(node, TIMER);
  // Of a connection or a server; 0 is no limit.
  else if (name === 'setTimeout' && given.some((one) => times.isNumber(one) && literal(one) !== 0)) tell(node, `a time limit: ${LIMIT}`);
  if (name === 'require' && TIMERS.test(String(literal(given[0])))) tell(node, TIMER);
  if (callee?.type === 'Identifier' && name === 'sleep') tell(node, `a bare sleep: ${USE}`);
  if (of === 'Atomics' && /^wait(Async)?$/.test(name) && given.length > 3) tell(node, `a bare sleep: ${USE}`);
  if (of === 'scheduler' && name === 'wait') tell(node, `a bare sleep: ${USE}`);
  // it(name, action, LIMIT), also it.each(...)(name, action, LIMIT).
  if ((TESTS.has(root) && given.length > 2 && times.isNumber(last)) || (HOOKS.has(root) && given.length > 1 && times.isNumber(last)))
    tell(node, `a time limit of a test: ${LIMIT}`);
  if (LIMITED.has(name) && times.isNumber(last)) tell(node, `a time limit: ${LIMIT}`);
  if (name === 'timeout' && of === 'AbortSignal' && times.isNumber(last)) tell(node, `a time limit: ${LIMIT}`);
  if (EXPECTATIONS.test(name) && times.isNumber(given[0]) && times.isElapsed(expected(field(callee, 'object')))) tell(node, PASSED);
  // spawn('timeout', ['5', ...]).
  const words = plain(given[1]);
  if (words?.type === 'ArrayExpression' && given[0] !== undefined) command([given[0], ...(words.elements as readonly Node[])], node, tell);
}

/** What expect() was given: `x` of `expect(x)` and of `expect(x).not`. */
function expected(node: Node | undefined): Node | undefined {
  if (node?.type === 'MemberExpression') return expected(field(node, 'object'));
  return node?.type === 'CallExpression' && rootOf(node) === 'expect' ? (node.arguments as readonly Node[])[0] : undefined;
}

/** A command as a list of words: sleep or timeout, and how long. */
function command(words: readonly Node[], node: Node, tell: (node: Node, what: string) => void): void {
  const [program, ...rest] = words.map((word) => literal(plain(word ?? undefined)));
  const first = rest.find((word) => !String(word).startsWith('-'));
  if (typeof first !== 'string') return;
  if ((program === 'sleep' || program === 'timeout') && /^[\d.]+[smhd]?$/.test(first)) tell(node, `a bare ${program}: ${USE}`);
}

function binary(node: Node, times: Times, tell: (node: Node, what: string) => void): void {
  const [left, right] = [field(node, 'left'), field(node, 'right')];
  const isNow = (side: Node | undefined): boolean => side?.type === 'CallExpression' && times.isMoment(side);
  if (node.operator === '+' && ((isNow(left) && times.isNumber(right)) || (isNow(right) && times.isNumber(left))))
    tell(node, `a deadline: ${LIMIT}`);
  if (!COMPARISONS.has(String(node.operator))) return;
  const isLimit = (one: Node | undefined, other: Node | undefined): boolean =>
    (times.isElapsed(one) && times.isNumber(other)) || (isNow(one) && other?.type === 'BinaryExpression' && times.isMoment(other));
  if (isLimit(left, right) || isLimit(right, left)) tell(node, PASSED);
}

/** Offsets at which lines begin. */
function lineStarts(text: string): number[] {
  return [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
}

function lineOf(starts: readonly number[], offset: number): number {
  return starts.findLastIndex((start) => start <= offset) + 1;
}
