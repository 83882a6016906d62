import { Command } from 'commander';
import type { Knob } from '../../knob/catalogue.js';
import { type Question, questionsOf } from '../../knob/questions.js';
import { allowed } from '../../knob/value.js';
import type { KnobReading } from '../../wire/administration.js';
import { sentence } from '../failure.js';
import { type AnswerOptions, addAnswerOptions, writeObject } from '../json-output.js';
import { colour, pairs, write } from '../output.js';
import { table } from '../small-table.js';
import {
  addCapture,
  addCollector,
  addNetns,
  apiSocket,
  captureSocket,
  isOfServices,
  knobNamed,
  severalValues,
  withAdministration,
} from './ask.js';
import { askLog, type Row } from './asked-log.js';
import { loggedChange, plainRow } from './log.js';
import { defaultOf, isChanged, plainKnob, shown, whereOf } from './text.js';

const EXAMPLES = `
It works without a capture and without a collector, too: then it says what it could not ask.

Examples:
  vslog knob explain expire_nodest_conn
  vslog knob explain timeout_tcp --json`;

export function explainCommand(): Command {
  const command = new Command('explain')
    .description('What a knob does, takes and costs, its value now, and what the log says of it.')
    .argument('<knob>', 'its name')
    .addHelpText('after', EXAMPLES);
  addCollector(addCapture(addNetns(addAnswerOptions(command, 'object'))));
  return command.action(async (name: string, options: AnswerOptions & { netns?: string }) => {
    const knob = knobNamed(name);
    const value = await valueNow(knob, captureSocket(command), options.netns);
    const answers = await Promise.all(questionsOf(knob).map((question) => answerTo(question, apiSocket(command))));
    if (options.output !== 'text') return writeObject(options.output, plain(knob, value, answers));
    return write(`${knobText(knob, value)}\n${colour.bold('What the log says')}\n${logText(knob, answers)}`);
  });
}

/** The value, or a sentence why it is not known. */
type Value = KnobReading | string;

interface Answer {
  readonly question: Question;
  /** A sentence when the log could not be asked. */
  readonly rows: readonly Row[] | string;
}

async function valueNow(knob: Knob, socket: string, netns: string | undefined): Promise<Value> {
  if (isOfServices(knob)) return severalValues(knob) ?? '';
  try {
    const [reading] = await withAdministration(socket, (capture) => capture.knobs([knob.name], netns));
    return reading ?? 'The capture does not tell it.';
  } catch (error) {
    return sentence(error);
  }
}

async function answerTo(question: Question, socket: string): Promise<Answer> {
  try {
    return { question, rows: await askLog(socket, question) };
  } catch (error) {
    return { question, rows: sentence(error) };
  }
}

function knobText(knob: Knob, value: Value): string {
  const entries: [string, string][] = [
    ['value', valueText(knob, value)],
    ['default', defaultOf(knob)],
    ['takes', allowed(knob)],
    ...(knob.values ?? []).map(({ value: one, doc }): [string, string] => ['', `${one}: ${doc}`]),
    ['where', whereOf(knob)],
    ...(knob.writable ? [] : [['', 'can be read only'] as [string, string]]),
    ...(knob.live || !knob.writable
      ? []
      : [['', `works from the next start on${knob.option === undefined ? '' : `: ${knob.option}`}`] as [string, string]]),
    ...(knob.needs === undefined ? [] : [['needs', knob.needs] as [string, string]]),
    ...(knob.since === undefined ? [] : [['since', `Linux ${knob.since}`] as [string, string]]),
    ...(knob.notAbove === undefined ? [] : [['not above', knob.notAbove] as [string, string]]),
    ['cost', knob.cost],
    ...(knob.interacts.length === 0 ? [] : [['see also', knob.interacts.join(', ')] as [string, string]]),
    ...(knob.records.length === 0 ? [] : [['changes', `the records ${knob.records.join(', ')}`] as [string, string]]),
    ['source', knob.source],
  ];
  return `${colour.bold(knob.name)}: ${knob.doc}\n${knob.more === '' ? '' : `${knob.more}\n`}\n${pairs(entries)}`;
}

function valueText(knob: Knob, value: Value): string {
  if (typeof value === 'string') return isOfServices(knob) ? value : `not known: ${value}`;
  if (value.problem !== '') return `none here: ${value.problem}`;
  const unit = knob.unit === undefined ? '' : ` ${knob.unit}`;
  return `${shown(value.value)}${unit}${isChanged(knob, value) ? ', not the default' : ''}`;
}

function logText(knob: Knob, answers: readonly Answer[]): string {
  const failed = answers.find(({ rows }) => typeof rows === 'string');
  // One sentence: what keeps one question from being answered keeps all of them.
  if (typeof failed?.rows === 'string') return `The log could not be asked. ${failed.rows}\n`;
  return answers.map(({ question, rows }) => answerText(knob, question, rows as readonly Row[])).join('\n');
}

function answerText(knob: Knob, { title, columns, none }: Question, rows: readonly Row[]): string {
  if (rows.length === 0) return `${none}\n`;
  if (columns.includes('through')) return `${title} of ${knob.name}:\n${rows.map((row) => `  ${loggedChange(row)}\n`).join('')}`;
  const cells = rows.map((row) => columns.map((name) => row[name]));
  const first = rows[0] ?? {};
  if (rows.length === 1 && columns.length === 1) return `${title}: ${String(first[columns[0] ?? ''])}\n`;
  const head = columns.map((name) => name.replaceAll('_', ' '));
  return `${title}:\n${table(
    head,
    cells,
    columns.flatMap((name, at) => (/^-?[\d.]+$/.test(String(first[name])) ? [at] : [])),
  )}`;
}

function plain(knob: Knob, value: Value, answers: readonly Answer[]): Record<string, unknown> {
  const { more, cost, interacts, records, source } = knob;
  const log = answers.map(({ question, rows }) => ({
    title: question.title,
    problem: typeof rows === 'string' ? rows : null,
    rows: typeof rows === 'string' ? [] : rows.map((row) => plainRow(knob, row)),
  }));
  const reading = typeof value === 'string' ? { name: knob.name, value: '', problem: value, settable: false } : value;
  return { ...plainKnob(knob, reading), more, takes: allowed(knob), cost, interacts, records, source, log };
}
