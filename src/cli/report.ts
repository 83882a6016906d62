import { Command } from 'commander';
import { findKnob, noSuchKnob } from '../knob/catalogue.js';
import { reports } from '../report/index.js';
import type { Parameter, Report, Values } from '../report/report.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { askLog } from './knob/asked-log.js';
import { jsonLines } from './knob/text.js';
import { plural } from './numbers.js';
import { addConfigOptions, configOf } from './options.js';
import { note, table, write } from './output.js';
import { parseServiceKey } from './service-address.js';

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `vslog report`: what the log says, by name. */
export function reportCommand(): Command {
  const command = new Command('report').description('Questions that the log answers, ready to ask.');
  for (const report of reports) command.addCommand(commandOf(report));
  return command;
}

function commandOf(report: Report): Command {
  const command = new Command(report.name).description(report.doc);
  for (const { flag, argument, doc, fallback } of report.parameters) {
    command.option(`--${flag} <${argument}>`, fallback === undefined ? doc : `${doc} (default: ${fallback})`);
  }
  command.option('--json', 'one array, for machines').addHelpText('after', report.more);
  addConfigOptions(command, 'sql');
  return command.action(async (options: Readonly<Record<string, unknown>>) => {
    const values = valuesOf(report, options, Date.now());
    const question = report.question(values);
    const rows = await askLog(configOf(command, 'sql').values['collector.api_socket'], question);
    if (options.json === true) return write(jsonLines(rows.map((row) => report.plain?.(row) ?? row)));
    if (rows.length === 0) return write(`${question.none}\n`);
    const heads = report.columns.map(({ title }) => title);
    const cells = rows.map((row) => report.columns.map((column) => column.cell(row)));
    await write(`${table(heads, cells)}${plural(rows.length, 'row')}\n`);
    if (rows.length === values.limit) note('there may be more: see --limit');
  });
}

/** What a person asked for. Throws Failure. */
export function valuesOf({ parameters }: Report, options: Readonly<Record<string, unknown>>, now: number): Values {
  const given: { -readonly [K in keyof Values]: Values[K] } = {};
  for (const parameter of parameters) {
    const text = options[parameter.flag] ?? parameter.fallback;
    if (typeof text === 'string') Object.assign(given, { [parameter.sets]: valueFor(parameter, text, now) });
  }
  if (given.since !== undefined && given.until !== undefined && given.since >= given.until)
    throw new Failure(Exit.usage, '--since must be earlier than --until.');
  return given;
}

function valueFor({ sets, flag }: Parameter, text: string, now: number): Values[keyof Values] {
  switch (sets) {
    case 'since':
    case 'until':
      return time(flag, text, now);
    case 'knob': {
      const knob = findKnob(text);
      if (knob === undefined) throw new Failure(Exit.usage, noSuchKnob(text));
      return knob;
    }
    case 'service':
      return parseServiceKey(text);
    case 'limit':
      if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
      throw new Failure(Exit.usage, `--${flag} is ${JSON.stringify(text)}: it must be a whole number from 1.`);
  }
}

function time(flag: string, text: string, now: number): number {
  const [, amount, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (amount !== undefined) return now - Number(amount) * (UNITS[unit ?? 's'] ?? 0);
  if (text === 'now') return now;
  const [, day, clock = '00:00', zone = 'Z'] =
    /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)(Z|[+-]\d{2}:\d{2})?)?$/.exec(text) ?? [];
  const at = day === undefined ? Number.NaN : Date.parse(`${day}T${clock}${zone}`);
  if (Number.isNaN(at))
    throw new Failure(
      Exit.usage,
      `--${flag} is ${JSON.stringify(text)}: it must be so long ago, such as 90s, 15m, 2h or 7d, or a time such as 2026-01-31 or 2026-01-31T12:00 (UTC).`,
    );
  return at;
}
