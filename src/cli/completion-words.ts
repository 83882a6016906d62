import type { Command, Option } from 'commander';
import { findKnob, groups, type Knob, knobs } from '../knob/catalogue.js';

/** What a word may become. */
export interface Candidate {
  readonly word: string;
  /** One line; may be empty. */
  readonly doc: string;
}

/** What the last of `words` may become: those before it are the command line after `vslog`. Nothing where the shell should offer files. */
export function candidates(root: Command, words: readonly string[]): Candidate[] {
  const current = words.at(-1) ?? '';
  const { command, path, pending, positional } = walk(root, words.slice(0, -1));
  if (pending !== undefined) return startingWith(current, optionValues(pending));
  const assigned = /^(--[^=]+)=(.*)$/.exec(current);
  if (assigned !== null) {
    const option = optionNamed(command, assigned[1] ?? '');
    const values = option === undefined ? [] : optionValues(option);
    return startingWith(
      current,
      values.map(({ word, doc }) => ({ word: `${assigned[1]}=${word}`, doc })),
    );
  }
  if (current.startsWith('-')) return startingWith(current, options(command));
  const commands = positional > 0 ? [] : subcommands(command);
  return startingWith(current, [...commands, ...argumentsOf(command, path, positional, current)]);
}

interface Place {
  readonly command: Command;
  /** Names from below the root. */
  readonly path: readonly string[];
  /** An option that waits for its value. */
  readonly pending: Option | undefined;
  /** Arguments that are there already. */
  readonly positional: number;
}

function walk(root: Command, words: readonly string[]): Place {
  let command = root;
  let pending: Option | undefined;
  let positional = 0;
  let onlyArguments = false;
  const path: string[] = [];
  for (const word of words) {
    if (pending !== undefined) pending = undefined;
    else if (word === '--' && !onlyArguments) onlyArguments = true;
    else if (word.startsWith('-') && word !== '-' && !onlyArguments) {
      const option = optionNamed(command, word);
      if (option?.required === true && !word.includes('=')) pending = option;
    } else {
      const next = positional === 0 && !onlyArguments ? command.commands.find((one) => isNamed(one, word)) : undefined;
      if (next === undefined) positional++;
      else {
        command = next;
        path.push(next.name());
      }
    }
  }
  return { command, path, pending, positional };
}

function isNamed(command: Command, word: string): boolean {
  return command.name() === word || command.aliases().includes(word);
}

function optionNamed(command: Command, word: string): Option | undefined {
  return command.options.find(({ long, short }) => long === word || short === word);
}

function options(command: Command): Candidate[] {
  const own = command.options
    .filter(({ hidden }) => !hidden)
    .map(({ long, short, description }) => ({ word: long ?? short ?? '', doc: description }));
  return [...own, { word: '--help', doc: 'display help for command' }];
}

function subcommands(command: Command): Candidate[] {
  // commander keeps whether a command is hidden to its own help.
  return command
    .createHelp()
    .visibleCommands(command)
    .map((one) => ({ word: one.name(), doc: one.summary() || one.description() }));
}

function optionValues({ argChoices, long, flags }: Option): Candidate[] {
  if (argChoices !== undefined) return argChoices.map(plain);
  if (long === '--group') return groups().map(plain);
  // Flags of the configuration have their words there: --source <auto|ipvs|...>.
  const words = /[<[]([a-z0-9_.-]+(?:\|[a-z0-9_.-]+)+)[>\]]/.exec(flags)?.[1];
  return words === undefined ? [] : words.split('|').map(plain);
}

/** How many knobs each command of `vslog knob` takes. */
const KNOB_ARGUMENTS: Readonly<Record<string, number>> = { explain: 1, log: 1, get: Infinity, reset: Infinity, watch: Infinity };

function argumentsOf(command: Command, [room, name]: readonly string[], positional: number, current: string): Candidate[] {
  if (room !== 'knob' || name === undefined) return [];
  if (name === 'set') return assignments(current);
  if (positional < (KNOB_ARGUMENTS[name] ?? 0)) return knobs.map(knobCandidate);
  const knob = findKnob(command.name());
  return knob === undefined || positional > 0 ? [] : valuesOf(knob);
}

function assignments(current: string): Candidate[] {
  const [name, value] = current.split('=', 2);
  if (value === undefined) return knobs.filter(isSet).map((knob) => ({ ...knobCandidate(knob), word: `${knob.name}=` }));
  const knob = findKnob(name ?? '');
  return knob === undefined ? [] : valuesOf(knob).map(({ word, doc }) => ({ word: `${name}=${word}`, doc }));
}

function isSet({ writable, live, scope }: Knob): boolean {
  return writable && live && scope !== 'service' && scope !== 'real';
}

function valuesOf(knob: Knob): Candidate[] {
  if (knob.type === 'bool') return ['0', '1'].map(plain);
  if (knob.values !== undefined) return knob.values.map(({ value, doc }) => ({ word: value, doc }));
  return knob.default === undefined || knob.default === '' || /\s/.test(knob.default) ? [] : [{ word: knob.default, doc: 'the default' }];
}

function knobCandidate({ name, doc }: Knob): Candidate {
  return { word: name, doc };
}

function plain(word: string): Candidate {
  return { word, doc: '' };
}

function startingWith(current: string, found: readonly Candidate[]): Candidate[] {
  return found.filter(({ word }) => word.startsWith(current));
}
