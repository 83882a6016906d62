import { nearest } from './nearest.js';
import type { Option } from './option.js';

/** A value that an option cannot take. The message is the end of a sentence that begins with the option's name. */
export class BadValue extends Error {
  override readonly name = 'BadValue';
}

const BYTE_UNITS = new Map([
  ['', 1],
  ['K', 1024],
  ['M', 1024 ** 2],
  ['G', 1024 ** 3],
  ['T', 1024 ** 4],
]);
const SIZE = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?$/i;
/** A disk of which more must stay free is none to be used. */
const MOST_PERCENT = 90;
const TIME_UNITS = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/** Reads a value as the file gives it (string, integer, boolean) or the environment and flags do (always a string). Throws BadValue. */
export function parseValue(option: Option, raw: unknown): string | number | boolean {
  switch (option.type) {
    case 'string':
    case 'path':
    case 'endpoint':
      if (typeof raw === 'string') return raw;
      break;
    case 'enum':
      if (typeof raw === 'string' && option.values?.includes(raw)) return raw;
      break;
    case 'bool':
      if (typeof raw === 'boolean') return raw;
      if (raw === 'true' || raw === 'yes' || raw === '1') return true;
      if (raw === 'false' || raw === 'no' || raw === '0') return false;
      break;
    case 'int':
      return inRange(option, raw, number(raw, /^(\d+)$/));
    case 'bytes':
      return inRange(option, raw, number(raw, SIZE, BYTE_UNITS));
    case 'room': {
      const words = typeof raw === 'string' ? raw.trim() : String(raw);
      if ((typeof raw === 'string' || typeof raw === 'number' || typeof raw === 'bigint') && parseRoom(words) !== undefined) return words;
      break;
    }
    case 'duration':
      // A bare number has no unit, and guessing one is how an hour becomes 3.6 seconds. Zero is zero in any.
      if (raw === 0 || raw === 0n || raw === '0') return inRange(option, raw, 0);
      return inRange(option, raw, number(typeof raw === 'string' ? raw : '', /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/, TIME_UNITS));
  }
  throw bad(option, raw);
}

/** Room on a disk: bytes, or a part of the disk, from 0 to 0.9. Undefined: it is neither. */
export function parseRoom(words: string): { readonly bytes: number } | { readonly share: number } | undefined {
  const percent = /^(\d+(?:\.\d+)?)\s*%$/.exec(words);
  if (percent !== null) return Number(percent[1]) <= MOST_PERCENT ? { share: Number(percent[1]) / 100 } : undefined;
  const bytes = number(words, SIZE, BYTE_UNITS);
  return bytes === undefined || !Number.isSafeInteger(bytes) ? undefined : { bytes };
}

function number(raw: unknown, pattern: RegExp, units?: ReadonlyMap<string, number>): number | undefined {
  const match = pattern.exec(typeof raw === 'string' ? raw.trim() : typeof raw === 'number' || typeof raw === 'bigint' ? String(raw) : '');
  if (match === null) return undefined;
  const unit = match[2] ?? '';
  const factor = units?.get(unit) ?? units?.get(unit.toUpperCase()) ?? 1;
  return Math.round(Number(match[1]) * factor);
}

function inRange(option: Option, raw: unknown, value: number | undefined): number {
  if (value === undefined || !Number.isSafeInteger(value)) throw bad(option, raw);
  if ((option.min !== undefined && value < option.min) || (option.max !== undefined && value > option.max)) throw bad(option, raw);
  return value;
}

function bad(option: Option, raw: unknown): BadValue {
  const shown = typeof raw === 'bigint' ? String(raw) : JSON.stringify(raw);
  const meant = option.type === 'enum' && typeof raw === 'string' ? nearest(raw, option.values ?? []) : undefined;
  return new BadValue(`is ${shown}: it must be ${allowed(option)}${meant === undefined ? '' : `; did you mean ${meant}?`}`);
}

/** What an option may be, in words. */
export function allowed(option: Option): string {
  const range = option.min === undefined || option.max === undefined ? '' : `${show(option, option.min)} to ${show(option, option.max)}`;
  switch (option.type) {
    case 'string':
      return 'a string';
    case 'path':
      return 'a path';
    case 'endpoint':
      return 'an address with port, such as 192.0.2.7:80 or [2001:db8::7]:80';
    case 'bool':
      return 'true or false';
    case 'enum': {
      const values = option.values ?? [];
      return `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
    }
    case 'int':
      return `a whole number from ${range}`;
    case 'bytes':
      return `a size from ${range}, such as 4K, 16M or 2G`;
    case 'room':
      return `a size, such as 500M or 2G, or a part of the disk from 0% to ${MOST_PERCENT}%`;
    case 'duration':
      return `a time from ${range}, such as 500ms, 2s or 1h`;
  }
}

/** The sentence, closed. */
export function closed(sentence: string): string {
  return /[.?]$/.test(sentence) ? sentence : `${sentence}.`;
}

/** A value as a person writes it. */
export function show(option: Option, value: unknown): string {
  if (typeof value !== 'number') return String(value);
  if (option.type === 'bytes') return inUnits(value, BYTE_UNITS);
  if (option.type === 'duration') return value === 0 ? '0' : inUnits(value, TIME_UNITS);
  return String(value);
}

/** In the largest unit in which it is whole. */
function inUnits(value: number, units: ReadonlyMap<string, number>): string {
  let shown = String(value);
  for (const [unit, factor] of units) if (value % factor === 0 && value >= factor) shown = `${value / factor}${unit}`;
  return shown;
}
