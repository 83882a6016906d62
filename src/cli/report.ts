import { Command, Option } from 'commander';
import { drawPlot } from '../plot/terminal.js';
import { reports } from '../report/index.js';
import type { Report } from '../report/report.js';
import { ownZone } from '../text/moment.js';
import { askLog } from './knob/asked-log.js';
import { addListOptions, checkColumns, isForPeople, type ListOptions, writeListing } from './listing.js';
import { withLiveStates } from './live-state.js';
import { addConfigOptions, configOf } from './options.js';
import { note, write } from './output.js';
import { reportListing, terminalStyle } from './report-text.js';
import { valuesOf, withNames } from './report-values.js';

interface Output extends ListOptions {
  readonly plot?: boolean;
  readonly ascii?: true;
  readonly sql?: true;
}

/** `vslog report`: what the log says, by name. */
export function reportCommand(): Command {
  const command = new Command('report').description('Questions that the log answers, ready to ask.').addHelpText(
    'after',
    `
A table for people, with a picture on a terminal; -o for machines. Times are in your zone: --tz, --utc. Every report has its own --help.

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
  addListOptions(command);
  if (report.plot !== undefined) {
    command
      .option('--plot', 'with the picture, where standard output is no terminal too')
      .option('--no-plot', 'without the picture')
      .option('--ascii', 'a picture of plain characters');
  }
  command.option('--sql', 'print the SQL instead of asking it').addHelpText('after', report.more);
  addConfigOptions(command, 'sql');
  return command.action(async (options: Readonly<Record<string, unknown>> & Output) => {
    const zone = ownZone();
    const values = { ...valuesOf(report, await withNames(report, options), Date.now()), zone };
    const question = report.question(values);
    if (options.sql === true) return write(`${question.sql}\n`);
    checkColumns(reportListing(report, [], question.none, zone), options);
    const sockets = configOf(command, 'sql').values;
    const asked = await askLog(sockets['collector.api_socket'], question);
    const rows = report.live === true ? await withLiveStates(sockets['capture.socket'], asked, values) : asked;
    const picture =
      isForPeople(options) && (options.plot ?? process.stdout.isTTY === true) && rows.length > 0 ? report.plot?.(rows, values) : undefined;
    const drawn = picture === undefined ? '' : `\n${drawPlot(picture, terminalStyle(options.ascii === true, zone))}`;
    await writeListing(reportListing(report, rows, question.none, zone), rows, options, drawn);
    if (isForPeople(options) && rows.length === values.limit) note('there may be more: see --limit');
  });
}
