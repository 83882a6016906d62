import type { Knob } from './catalogue.js';

/** A value that a knob cannot take. The message is a sentence: the knob, the value, and what it takes. */
export class BadKnobValue extends Error {
  override readonly name = 'BadKnobValue';
}

const SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };
const BYTES: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

/**
 * What people write as what the knob's backing takes: `15m` of a timeout in seconds is `900`, `yes` of a switch `1`. A number alone is in the knob's own unit.
 * Throws BadKnobValue.
 */
export function parseKnobValue(knob: Knob, written: string): string {
  const text = written.trim();
  switch (knob.type) {
    case 'bool':
      if (/^(1|yes|on|true)$/i.test(text)) return '1';
      if (/^(0|no|off|false)$/i.test(text)) return '0';
      break;
    case 'enum':
      if (knob.values?.some(({ value }) => value === text)) return text;
      break;
    case 'flags':
      if (areFlags(knob, text)) return text;
      break;
    case 'int':
      if (inRange(knob, integer(text))) return String(integer(text));
      break;
    case 'duration': {
      const amount = withUnit(text, /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/, SECONDS, knob.unit === 'ms' ? 0.001 : 1);
      if (inRange(knob, amount)) return String(amount);
      break;
    }
    case 'size': {
      const amount = withUnit(text, /^(\d+(?:\.\d+)?)([KMG])(?:i?B)?$/, BYTES, 1);
      if (inRange(knob, amount) && (knob.powerOfTwo === undefined || Number.isInteger(Math.log2(amount ?? 0)))) return String(amount);
      break;
    }
    case 'pair': {
      const numbers = text.split(/\s+/).map(integer);
      if (numbers.length === 2 && numbers.every((one) => inRange(knob, one))) return numbers.join(' ');
      break;
    }
    case 'cpulist':
      if (/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(text) && text.length <= (knob.maxLength ?? 0)) return text;
      break;
    case 'netmask':
      if (isNetmask(text)) return text;
      break;
    case 'string':
      if (text.length <= (knob.maxLength ?? 0)) return text;
      break;
  }
  throw new BadKnobValue(`${knob.name} takes ${allowed(knob)}, not ${JSON.stringify(written)}.`);
}

/** What a knob takes, for a sentence: "0 or 1", "a time of 1 to 2147483 s, such as 90s or 15m". */
export function allowed(knob: Knob): string {
  const range = `${knob.min ?? 0} to ${knob.max ?? 0}`;
  switch (knob.type) {
    case 'bool':
      return '0 or 1';
    case 'enum':
      return list(knob.values?.map(({ value }) => value) ?? [], 'or');
    case 'flags':
      return `none, or one or more of ${list(knob.values?.map(({ value }) => value) ?? [], 'and')}, separated by commas`;
    case 'int':
      return `a number of ${knob.unit ?? ''} from ${range}`.replace(' of  ', ' ');
    case 'duration':
      return `a time from ${range} ${knob.unit ?? 's'}, such as 90s or 15m`;
    case 'size':
      return `${knob.powerOfTwo ? 'a power of two' : 'a size'} from ${range} bytes, such as 64K or 16M`;
    case 'pair':
      return `two numbers of ${knob.unit ?? ''} from ${range}, such as "${knob.default ?? '1 2'}"`;
    case 'cpulist':
      return 'a list of CPUs, such as 0-3,8';
    case 'netmask':
      return 'an IPv4 netmask such as 255.255.255.0, or the length of an IPv6 prefix from 1 to 128';
    case 'string':
      return `a text of ${knob.maxLength ?? 0} characters at most`;
  }
}

function integer(text: string): number | undefined {
  const number = /^-?\d+$/.test(text) ? Number(text) : undefined;
  return number !== undefined && Number.isSafeInteger(number) ? number : undefined;
}

function inRange(knob: Knob, number: number | undefined): boolean {
  return number !== undefined && Number.isSafeInteger(number) && number >= (knob.min ?? 0) && number <= (knob.max ?? 0);
}

/** A number alone, or one with a unit, in units of `own`. */
function withUnit(text: string, pattern: RegExp, units: Readonly<Record<string, number>>, own: number): number | undefined {
  const [, number, unit] = pattern.exec(text) ?? [];
  if (number === undefined || unit === undefined) return integer(text);
  // Rounded away is only what binary fractions add.
  const amount = Number(((Number(number) * (units[unit] ?? 1)) / own).toFixed(6));
  return Number.isSafeInteger(amount) ? amount : undefined;
}

function areFlags(knob: Knob, text: string): boolean {
  const words = text.split(',');
  return text === 'none' || (words.every((word) => knob.values?.some((one) => one.value === word)) && new Set(words).size === words.length);
}

function isNetmask(text: string): boolean {
  const prefix = integer(text);
  if (prefix !== undefined) return prefix >= 1 && prefix <= 128;
  const bytes = text.split('.').map(integer);
  if (bytes.length !== 4 || bytes.some((byte) => byte === undefined || byte < 0 || byte > 255)) return false;
  return /^1+0*$/.test(bytes.map((byte) => (byte ?? 0).toString(2).padStart(8, '0')).join(''));
}

function list(words: readonly string[], last: string): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1) ?? ''}`;
}
