import { nearest } from '../config/nearest.js';
import type { EventFilter, NumberField } from '../wire/event-filter.js';
import { EVENT_FIELDS, type EventFieldWord, eventField, NoSuchValue } from './event-field.js';

/** An expression that is none: a sentence with the place where it went wrong. */
export class BadExpression extends Error {
  override readonly name = 'BadExpression';
}

/** Deeper than anybody writes; the capture takes no deeper one. */
const DEEPEST = 14;
const LAST = 0xffff_ffff_ffff_ffffn;

interface Token {
  /** What it is; of a word or value its text. */
  readonly text: string;
  /** In quotes it is a value, whatever it looks like. */
  readonly quoted: boolean;
  /** Column, from 1. */
  readonly at: number;
}

/**
 * Reads an expression over EVENT_FIELDS: tests (`client in 10.0.0.0/8`, `reason = nodest`, `kind in (create, expire)`, `duration > 5m`, `quiesced`) joined by and, or, not
 * and parentheses; `not` binds strongest, then `and`. Throws BadExpression.
 */
export function parseWhere(text: string): EventFilter {
  const parser = new Parser(text);
  const filter = parser.either(0);
  parser.end();
  return filter;
}

class Parser {
  private readonly tokens: readonly Token[];
  private readonly length: number;
  private next = 0;

  constructor(text: string) {
    this.tokens = tokensOf(text);
    this.length = text.length;
  }

  /** and ... or and ... */
  either(depth: number): EventFilter {
    const parts = [this.both(depth)];
    while (this.take('or')) parts.push(this.both(depth));
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : { any: parts };
  }

  end(): void {
    if (this.next < this.tokens.length) throw this.wrong(`"${this.peek()?.text}" is not expected here: and, or, or the end`);
  }

  private both(depth: number): EventFilter {
    const parts = [this.not(depth)];
    while (this.take('and')) parts.push(this.not(depth));
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : { all: parts };
  }

  private not(depth: number): EventFilter {
    if (depth > DEEPEST) throw this.wrong('it is nested too deeply');
    if (this.take('not')) return { none: this.not(depth + 1) };
    if (!this.take('(')) return this.test();
    const inside = this.either(depth + 1);
    this.need(')');
    return inside;
  }

  private test(): EventFilter {
    const word = this.peek();
    const field = word === undefined || word.quoted ? undefined : eventField(word.text);
    if (word === undefined || field === undefined) {
      const known = Object.keys(EVENT_FIELDS);
      const near = word === undefined ? undefined : nearest(word.text, known);
      const what = word === undefined ? 'ends where a field is expected' : `"${word.text}" is no field`;
      throw this.wrong(near === undefined ? `${what}: there are ${known.join(', ')}` : `${what}: did you mean ${near}?`);
    }
    this.next++;
    const operator = ['=', '!=', '<=', '>=', '<', '>', 'in'].find((one) => this.take(one));
    if (operator === undefined) {
      if (field.flag) return field.isOneOf(['yes']);
      throw this.wrong(`after "${word.text}" comes =, !=, in${field.ordered ? ', <, <=, > or >=' : ''}`);
    }
    if (operator === 'in') return this.valued(() => field.isOneOf(this.values()));
    return this.valued(() => compared(word.text, field, operator, this.value()));
  }

  /** What `make` makes of a value; a wrong one is told with the column of its last token. */
  private valued(make: () => EventFilter): EventFilter {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof NoSuchValue)) throw error;
      const last = this.tokens[this.next - 1];
      throw new BadExpression(`${JSON.stringify(last?.text ?? '')} at column ${last?.at ?? 1}: ${error.message}`);
    }
  }

  private values(): string[] {
    if (!this.take('(')) return [this.value()];
    const values = [this.value()];
    while (this.take(',')) values.push(this.value());
    const last = this.next;
    this.need(')');
    this.next = last + 1;
    return values;
  }

  private value(): string {
    const token = this.peek();
    if (token === undefined || (!token.quoted && /^([()=,<>]|!=|<=|>=)$/.test(token.text))) throw this.wrong('a value is expected');
    this.next++;
    return token.text;
  }

  private peek(): Token | undefined {
    return this.tokens[this.next];
  }

  private take(text: string): boolean {
    const token = this.peek();
    if (token === undefined || token.quoted || token.text.toLowerCase() !== text) return false;
    this.next++;
    return true;
  }

  private need(text: string): void {
    if (!this.take(text)) throw this.wrong(`"${text}" is missing`);
  }

  private wrong(sentence: string): BadExpression {
    return new BadExpression(`at column ${this.peek()?.at ?? this.length + 1}: ${sentence}`);
  }
}

function compared(name: string, field: EventFieldWord, operator: string, value: string): EventFilter {
  if (operator === '=') return field.isOneOf([value]);
  if (operator === '!=') return { none: field.isOneOf([value]) };
  const number = field.number(value);
  const [test] = [field.isOneOf([value])];
  if (!('ranges' in test)) throw new NoSuchValue(`${name} has no order: compare it by =, != or in`);
  const { field: of }: { field: NumberField } = test;
  switch (operator) {
    case '<':
      if (number === 0n) throw new NoSuchValue('nothing is less');
      return { field: of, ranges: [[0n, number - 1n]] };
    case '<=':
      return { field: of, ranges: [[0n, number]] };
    case '>':
      if (number === LAST) throw new NoSuchValue('nothing is more');
      return { field: of, ranges: [[number + 1n, LAST]] };
    default:
      return { field: of, ranges: [[number, LAST]] };
  }
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  const pattern = /\s*(?:"([^"]*)"|'([^']*)'|(!=|<=|>=|[()=,<>])|([^\s()=,<>!"']+))/y;
  let at = 0;
  while (at < text.length) {
    if (text.slice(at).trim() === '') break;
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found === null)
      throw new BadExpression(`at column ${at + 1}: ${JSON.stringify(text.slice(at).trim().slice(0, 20))} cannot be read`);
    const [whole, double, single, sign, word] = found;
    tokens.push({
      text: double ?? single ?? sign ?? word ?? '',
      quoted: (double ?? single) !== undefined,
      at: at + whole.length - whole.trimStart().length + 1,
    });
    at += whole.length;
  }
  return tokens;
}
