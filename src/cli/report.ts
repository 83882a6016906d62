import { Command, Option } from 'commander';
import type { Question } from '../knob/questions.js';
import { drawPlot } from '../plot/terminal.js';
import { reports } from '../report/index.js';
import type { Report, Row, Values } from '../report/report.js';
import { askLog } from './knob/asked-log.js';
import { withLiveStates } from './live-state.js';
import { addConfigOptions, configOf } from './options.js';
import { note, write } from './output.js';
import { machineText, reportText, terminalStyle } from './report-text.js';
import { valuesOf, withNames } from './report-values.js';

const FORMATS = ['table', 'vertical', 'json', 'jsonl', 'csv'] as const;

interface Output {
  readonly output: (typeof FORMATS)[number];
  readonly json?: true;
  readonly plot?: boolean;
  readonly ascii?: true;
  readonly sql?: true;
}

/** `vslog report`: what the log says, by name. */
export function reportCommand(): Command {
  const command = new Command('report').description('Questions that the log answers, ready to ask.').addHelpText(
    'after',
    `
A table for people, with a picture on a terminal; -o for machines. Every report has its own --help.

Examples:
  vslog report who --rs 192.0.2.11:8080 --since 1h
  vslog report reasons --by rs --since 7d
  vslog report window --vs 192.0.2.1:80 --plot`,
  );
  for (const report of reports) command.addCommand(commandOf(report));
  return command;
}

function commandOf(report: Report): Command {
  const command = new Command(report.name).description(report.doc);
  for (const { flag, argument, doc, fallback, required, words } of report.parameters) {
    const said = fallback === undefined ? doc : `${doc} (default: ${fallback})`;
    const option = new Option(`--${flag} <${argument}>`, required === true ? `${said} (must be given)` : said);
    command.addOption(words === undefined ? option : option.choices([...words]));
  }
  command
    .addOption(new Option('-o, --output <FORMAT>', 'how rows are written').choices(FORMATS).default('table'))
    .option('--json', 'the same as -o json: one array, for machines');
  if (report.plot !== undefined) {
    command
      .option('--plot', 'with the picture, where standard output is no terminal too')
      .option('--no-plot', 'without the picture')
      .option('--ascii', 'a picture of plain characters');
  }
  command.option('--sql', 'print the SQL instead of asking it').addHelpText('after', report.more);
  addConfigOptions(command, 'sql');
  return command.action(async (options: Readonly<Record<string, unknown>> & Output) => {
    const values = valuesOf(report, await withNames(report, options), Date.now());
    const question = report.question(values);
    if (options.sql === true) return write(`${question.sql}\n`);
    const sockets = configOf(command, 'sql').values;
    const rows = await askLog(sockets['collector.api_socket'], question);
    const shown = report.live === true ? await withLiveStates(sockets['capture.socket'], rows, values) : rows;
    await show(report, question, shown, values, options);
  });
}

async function show(report: Report, question: Question, rows: readonly Row[], values: Values, options: Output): Promise<void> {
  const format = options.json === true ? 'json' : options.output;
  if (format === 'json' || format === 'jsonl' || format === 'csv') return write(machineText(report, question, rows, format));
  await write(reportText(report, question, rows, format));
  const plot = (options.plot ?? process.stdout.isTTY === true) ? report.plot?.(rows, values) : undefined;
  if (plot !== undefined) await write(`\n${drawPlot(plot, terminalStyle(options.ascii === true))}`);
  if (rows.length === values.limit) note('there may be more: see --limit');
}
