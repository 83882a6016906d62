import { field, isNode, literal, type Node, nameOf, plain, walk } from './tree.js';

/** Functions that make a number of another that is as much a time as the first one. */
const ROUNDING = new Set(['round', 'floor', 'ceil', 'trunc', 'abs', 'max', 'min', 'Number', 'BigInt']);

/**
 * What the names of one file stand for, as far as time is concerned. A name has one meaning in a file, wherever it is declared: that finds more than it should
 * only where a file uses one name for two things.
 */
export class Times {
  private readonly numbers = new Set<string>();
  private readonly moments = new Set<string>();
  private readonly elapsed = new Set<string>();
  /** Functions that return how long something took. */
  private readonly stopwatches = new Set<string>();

  constructor(program: Node) {
    // A function may be declared below its first use: once more, until nothing is learned.
    for (let before = -1; before < this.size; ) {
      before = this.size;
      walk(program, (node) => this.learn(node));
    }
  }

  private get size(): number {
    return this.numbers.size + this.moments.size + this.elapsed.size + this.stopwatches.size;
  }

  /** A number that is written down: literals, arithmetic of them, constants that are such. What has the shared patience in it is none. */
  isNumber(value: unknown): boolean {
    const node = isNode(value) ? plain(value) : undefined;
    switch (node?.type) {
      case 'Literal':
        return typeof node.value === 'number' || typeof node.value === 'bigint';
      case 'Identifier':
        return this.numbers.has(nameOf(node));
      case 'UnaryExpression':
        return this.isNumber(node.argument);
      case 'BinaryExpression':
        return this.isNumber(node.left) && this.isNumber(node.right);
      default:
        return false;
    }
  }

  /** `Date.now()`, `performance.now()`, `process.hrtime()`, and constants that are such; also some time before or after, in another unit. */
  isMoment(value: Node | undefined): boolean {
    const node = plain(value);
    if (node?.type === 'Identifier') return this.moments.has(nameOf(node));
    if (node?.type === 'BinaryExpression')
      return [node.left, node.right].some((side) => isNode(side) && this.isMoment(side)) && this.hasNumber(node);
    if (node?.type !== 'CallExpression') return false;
    const callee = field(node, 'callee');
    const given = node.arguments as readonly Node[];
    if (ROUNDING.has(nameOf(callee))) return given.some((one) => this.isMoment(one));
    const of = nameOf(field(callee, 'object'));
    if (nameOf(callee) === 'now') return of === 'Date' || of === 'performance';
    return (nameOf(callee) === 'hrtime' && given.length === 0) || (nameOf(callee) === 'bigint' && of === 'hrtime');
  }

  /** How long something took: `Date.now() - began`, `process.hrtime(began)`, what is counted from them, and names of such. A ratio of two of them is none. */
  isElapsed(value: Node | undefined): boolean {
    const node = plain(value);
    switch (node?.type) {
      case 'Identifier':
        return this.elapsed.has(nameOf(node));
      case 'UnaryExpression':
      case 'AwaitExpression':
        return this.isElapsed(field(node, 'argument'));
      case 'MemberExpression':
        return this.isElapsed(field(node, 'object'));
      case 'BinaryExpression': {
        const [left, right] = [field(node, 'left'), field(node, 'right')];
        if (node.operator === '/') return this.isElapsed(left) && !this.isElapsed(right);
        if (node.operator === '-' && this.isMoment(left) && !this.isNumber(right)) return true;
        return ['+', '-', '*', '%'].includes(String(node.operator)) && (this.isElapsed(left) || this.isElapsed(right));
      }
      case 'CallExpression': {
        const callee = field(node, 'callee');
        const given = node.arguments as readonly Node[];
        if (ROUNDING.has(nameOf(callee))) return given.some((one) => this.isElapsed(one));
        if (nameOf(callee) === 'hrtime') return given.length > 0;
        return callee?.type === 'Identifier' && this.stopwatches.has(nameOf(callee));
      }
      default:
        return false;
    }
  }

  private hasNumber(node: Node): boolean {
    return this.isNumber(node.left) || this.isNumber(node.right);
  }

  private learn(node: Node): void {
    if (node.type === 'VariableDeclarator') this.name(field(node, 'id'), field(node, 'init'), true);
    if (node.type === 'AssignmentExpression') this.name(field(node, 'left'), field(node, 'right'), false);
    if (node.type === 'FunctionDeclaration' && this.returnsElapsed(node)) this.stopwatches.add(nameOf(field(node, 'id')));
  }

  private name(target: Node | undefined, value: Node | undefined, constant: boolean): void {
    if (target?.type === 'ArrayPattern' && this.isElapsed(value))
      for (const one of target.elements as readonly unknown[]) if (isNode(one)) this.elapsed.add(nameOf(one));
    if (target?.type !== 'Identifier') return;
    const name = nameOf(target);
    if (constant && this.isNumber(value)) this.numbers.add(name);
    if (this.isMoment(value)) this.moments.add(name);
    if (this.isElapsed(value)) this.elapsed.add(name);
    if (value !== undefined && /^(ArrowFunction|Function)Expression$/.test(value.type) && this.returnsElapsed(value))
      this.stopwatches.add(name);
  }

  private returnsElapsed(action: Node): boolean {
    const body = field(action, 'body');
    if (body === undefined) return false;
    if (body.type !== 'BlockStatement') return this.isElapsed(body);
    return (body.body as readonly Node[]).some((one) => one.type === 'ReturnStatement' && this.isElapsed(field(one, 'argument')));
  }
}

/** Objects whose setTimeout is the timer, and not a limit of theirs. */
const TIMERS = /^(?:globalThis|global|window|self|timers?\w*|promises)$/i;

/** The timer itself, not called: what is handed on, or gets another name. */
export function isTimer(value: unknown): boolean {
  const node = isNode(value) ? plain(value) : undefined;
  if (nameOf(node) !== 'setTimeout') return node?.type === 'MemberExpression' && literal(field(node, 'property')) === 'setTimeout';
  return node?.type === 'Identifier' || TIMERS.test(nameOf(field(node, 'object')));
}
