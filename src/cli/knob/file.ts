import { readFileSync } from 'node:fs';
import { findKnob, type Knob, noSuchKnob } from '../../knob/catalogue.js';
import { BadKnobValue, parseKnobValue } from '../../knob/value.js';
import { Exit } from '../exit-codes.js';
import { Failure, sentence } from '../failure.js';
import { severalValues } from './ask.js';

/** A knob's value in a file. */
export interface FileEntry {
  readonly knob: Knob;
  /** As the capture takes it. */
  readonly value: string;
  /** `FILE:LINE`. */
  readonly origin: string;
  /** The knob cannot be set to it, a sentence why; but it was once read of a capture, so it may be what is there. */
  readonly problem?: string;
}

/**
 * Reads a file of `name = value` lines with `#` comments, or what `vslog knob ls --json` printed; `-` is standard input.
 * Throws Failure, with a sentence for every bad line.
 */
export function readKnobFile(path: string): FileEntry[] {
  let text: string;
  try {
    text = readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (error) {
    throw new Failure(Exit.usage, `The file ${path} cannot be read: ${sentence(error)}`);
  }
  const { entries, problems } = parseKnobFile(text, path === '-' ? 'standard input' : path);
  if (problems.length > 0) throw new Failure(Exit.usage, problems.join('\n'));
  return entries;
}

/** The entries of a file, and a sentence for every line that is none. */
export function parseKnobFile(text: string, path: string): { entries: FileEntry[]; problems: string[] } {
  const problems: string[] = [];
  const isJson = text.trimStart().startsWith('[');
  const lines = isJson ? fromJson(text, path, problems) : fromLines(text, path, problems);
  const seen = new Map<string, string>();
  const entries = lines.flatMap(({ name, written, origin }): FileEntry[] => {
    const found = entry(name, written, origin, isJson);
    if (typeof found === 'string') problems.push(`${origin}: ${found}`);
    else {
      const before = seen.get(found.knob.name);
      if (before === undefined) {
        seen.set(found.knob.name, origin);
        return [found];
      }
      problems.push(`${origin}: ${found.knob.name} is given already at ${before}.`);
    }
    return [];
  });
  return { entries, problems };
}

interface Line {
  readonly name: string;
  readonly written: string;
  readonly origin: string;
}

function entry(name: string, written: string, origin: string, wasRead: boolean): FileEntry | string {
  const knob = findKnob(name);
  if (knob === undefined) return noSuchKnob(name);
  const several = severalValues(knob);
  if (several !== undefined) return several;
  try {
    return { knob, value: parseKnobValue(knob, written), origin };
  } catch (error) {
    if (!(error instanceof BadKnobValue)) throw error;
    return wasRead ? { knob, value: written, origin, problem: error.message } : error.message;
  }
}

function fromLines(text: string, path: string, problems: string[]): Line[] {
  return text.split('\n').flatMap((line, at) => {
    const plain = line.replace(/(^|\s)#.*$/, '').trim();
    if (plain === '') return [];
    const origin = `${path}:${at + 1}`;
    const [, name, value] = /^([^\s=]+)\s*=\s*(.*)$/.exec(plain) ?? [];
    if (name !== undefined && value !== undefined) return [{ name, written: unquoted(value), origin }];
    problems.push(`${origin}: ${JSON.stringify(plain)} must be NAME = VALUE, such as expire_nodest_conn = 1.`);
    return [];
  });
}

function unquoted(value: string): string {
  return /^"(.*)"$/.exec(value)?.[1] ?? value;
}

function fromJson(text: string, path: string, problems: string[]): Line[] {
  let array: unknown;
  try {
    array = JSON.parse(text);
  } catch (error) {
    problems.push(`${path}: this is no JSON: ${sentence(error)}.`);
    return [];
  }
  const lines = text.split('\n');
  return (array as unknown[]).flatMap((one, index): Line[] => {
    const { name, value } = (typeof one === 'object' && one !== null ? one : {}) as { name?: unknown; value?: unknown };
    const at = typeof name === 'string' ? lines.findIndex((line) => line.includes(`"name":"${name}"`)) : -1;
    const origin = at < 0 ? `${path}: entry ${index + 1}` : `${path}:${at + 1}`;
    // What had no value then, or has one of each service: nothing to be set or compared.
    if (typeof name === 'string' && isNothing(value, findKnob(name))) return [];
    if (typeof name === 'string' && (typeof value === 'string' || typeof value === 'number'))
      return [{ name, written: String(value), origin }];
    problems.push(`${origin}: it must have a "name", a text, and a "value", a text or a number.`);
    return [];
  });
}

/** A list of CPUs that nobody set is empty, which is no value to set. */
function isNothing(value: unknown, knob: Knob | undefined): boolean {
  return value === null || value === undefined || (value === '' && knob !== undefined && knob.type !== 'string');
}
