import { parseAst } from 'vitest/node';
import type { Wait } from './waits.js';
import { shellWaits } from './waits-in-text.js';

/** A node of ESTree: https://github.com/estree/estree */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

const TESTS = new Set(['it', 'test', 'describe', 'suite', 'bench']);
const HOOKS = new Set(['beforeAll', 'afterAll', 'beforeEach', 'afterEach', 'onTestFinished']);
/** Options that are limits of Vitest's, of Node's child processes and of Playwright's. */
const LIMITS = new Set(['timeout', 'testTimeout', 'hookTimeout', 'teardownTimeout']);
/** Functions whose last argument, or only one, is a limit when it is a number. */
const LIMITED = new Set(['waitFor', 'waitUntil', 'setDefaultTimeout', 'setDefaultNavigationTimeout', 'waitForTimeout']);
const COMPARISONS = new Set(['<', '<=', '>', '>=']);

const USE = 'wait for a condition with until(), or let time pass with pause(), of test/support/patience.ts';
const LIMIT = 'a limit is WAIT_MS, COMMAND_MS or TEST_MS of test/support/patience.ts; most need none';

export function typescriptWaits(path: string, text: string): Wait[] {
  const program = parseAst(text, { lang: path.endsWith('x') ? 'tsx' : 'ts' }) as unknown as Node;
  const found: Wait[] = [];
  const numbers = numericConstants(program);
  const isNumber = (node: unknown): boolean => isNumeric(node, numbers);
  const lines = lineStarts(text);
  const tell = ({ start }: Node, what: string): void => void found.push({ line: lineOf(lines, start), what });
  walk(program, (node) => {
    switch (node.type) {
      case 'ImportDeclaration':
      case 'ImportExpression':
        if (/^(node:)?timers\/promises$/.test(String(field(node, 'source')?.value))) tell(node, `a bare timer: ${USE}`);
        break;
      case 'CallExpression':
        call(node, isNumber, tell);
        break;
      case 'Property':
        if (LIMITS.has(nameOf(field(node, 'key'))) && isNumber(node.value)) tell(node, `a time limit: ${LIMIT}`);
        break;
      case 'BinaryExpression': {
        const [left, right] = [field(node, 'left'), field(node, 'right')];
        const operator = String(node.operator);
        if (operator === '+' && ((isNow(left) && isNumber(right)) || (isNow(right) && isNumber(left)))) tell(node, `a deadline: ${LIMIT}`);
        if (COMPARISONS.has(operator) && ((isElapsed(left) && isNumber(right)) || (isElapsed(right) && isNumber(left))))
          tell(node, `a limit of the time that has passed: ${LIMIT}`);
        break;
      }
      case 'Literal':
        if (typeof node.value === 'string') shell(node, node.value);
        break;
      case 'TemplateElement':
        shell(node, String((node.value as { readonly raw: string }).raw));
        break;
    }
  });
  function shell(node: Node, script: string): void {
    for (const { line, what } of shellWaits(script)) found.push({ line: lineOf(lines, node.start) + line - 1, what });
  }
  return found;
}

function call(node: Node, isNumber: (node: unknown) => boolean, tell: (node: Node, what: string) => void): void {
  const callee = field(node, 'callee');
  const given = node.arguments as readonly Node[];
  const name = nameOf(callee);
  const root = rootOf(callee);
  if (callee?.type === 'Identifier' && name === 'setTimeout') tell(node, `a bare timer: ${USE}`);
  if (callee?.type === 'Identifier' && name === 'sleep') tell(node, `a bare sleep: ${USE}`);
  const last = given.at(-1);
  // it(name, action, LIMIT), also it.each(...)(name, action, LIMIT).
  if ((TESTS.has(root) && given.length > 2 && isNumber(last)) || (HOOKS.has(root) && given.length > 1 && isNumber(last)))
    tell(node, `a time limit of a test: ${LIMIT}`);
  if (LIMITED.has(name) && isNumber(last)) tell(node, `a time limit: ${LIMIT}`);
  if (name === 'timeout' && nameOf(field(callee, 'object')) === 'AbortSignal' && isNumber(last)) tell(node, `a time limit: ${LIMIT}`);
  if (/^toBe(Less|Greater)Than(OrEqual)?$/.test(name) && isNumber(last) && contains(field(callee, 'object'), isElapsed))
    tell(node, `a limit of the time that has passed: ${LIMIT}`);
}

/** `Date.now()`, `performance.now()`. */
function isNow(node: Node | undefined): boolean {
  if (node?.type !== 'CallExpression') return false;
  const callee = field(node, 'callee');
  return nameOf(callee) === 'now' && ['Date', 'performance'].includes(nameOf(field(callee, 'object')));
}

/** `Date.now() - began`. */
function isElapsed(node: Node | undefined): boolean {
  return node?.type === 'BinaryExpression' && node.operator === '-' && isNow(field(node, 'left'));
}

/** Names of constants that are numbers. */
function numericConstants(program: Node): Set<string> {
  const names = new Set<string>();
  walk(program, (node) => {
    if (node.type === 'VariableDeclarator' && isNumeric(node.init, names)) names.add(nameOf(field(node, 'id')));
  });
  return names;
}

/** A number that is written down: literals, arithmetic of them, constants that are such. What has the shared patience in it is none. */
function isNumeric(node: unknown, constants: ReadonlySet<string>): boolean {
  if (!isNode(node)) return false;
  if (node.type === 'Literal') return typeof node.value === 'number';
  if (node.type === 'Identifier') return constants.has(String(node.name));
  if (node.type === 'UnaryExpression') return isNumeric(node.argument, constants);
  if (node.type === 'BinaryExpression') return isNumeric(node.left, constants) && isNumeric(node.right, constants);
  return false;
}

/** `it` of `it`, `it.each` and `it.each(...)`. */
function rootOf(node: Node | undefined): string {
  if (node?.type === 'MemberExpression') return rootOf(field(node, 'object'));
  if (node?.type === 'CallExpression' || node?.type === 'TaggedTemplateExpression')
    return rootOf(field(node, 'callee') ?? field(node, 'tag'));
  return nameOf(node);
}

/** The name of an identifier, of a member, or of a key without quotes: what is quoted is data. */
function nameOf(node: Node | undefined): string {
  if (node?.type === 'Identifier') return String(node.name);
  return node?.type === 'MemberExpression' && node.computed !== true ? nameOf(field(node, 'property')) : '';
}

function contains(node: Node | undefined, is: (node: Node) => boolean): boolean {
  let found = false;
  if (node !== undefined)
    walk(node, (one) => {
      found ||= is(one);
    });
  return found;
}

function walk(node: Node, visit: (node: Node) => void): void {
  visit(node);
  for (const value of Object.values(node))
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) walk(child, visit);
}

function field(node: Node | undefined, name: string): Node | undefined {
  const value = node?.[name];
  return isNode(value) ? value : undefined;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Partial<Node>).type === 'string';
}

/** Offsets at which lines begin. */
function lineStarts(text: string): number[] {
  return [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
}

function lineOf(starts: readonly number[], offset: number): number {
  return starts.findLastIndex((start) => start <= offset) + 1;
}
