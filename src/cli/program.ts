import { Command, CommanderError, Option } from 'commander';
import { admitReaders } from '../access/readers.js';
import { plainOutput } from '../text/plain.js';
import { type CommandEntry, commands, needed } from './commands.js';
import { Exit } from './exit-codes.js';
import { exitCodeOf, Failure, sentence } from './failure.js';
import { shapeHelp, sqlArguments, withoutHelpAll } from './help.js';
import { errorStyle } from './output.js';
import { VERSION } from './version.js';

/** The command line. Commands that are not wanted are there with their names and descriptions only: what the help, a suggestion and the completion need. */
export async function program(
  wanted: readonly CommandEntry[] = commands,
  everything = false,
  words: readonly string[] = [],
): Promise<Command> {
  const vslog = new Command('vslog')
    .description('Every connection your IPVS balancer ever made, in SQL.')
    .version(VERSION, '-V, --version')
    .showSuggestionAfterError()
    .showHelpAfterError('(add --help for what there is)')
    .addHelpText(
      'after',
      '\nFirst steps:\n  vslog doctor      can this machine do it?\n  vslog up          record, until Ctrl-C\n  vslog tail        watch\n  vslog sql "SELECT count() FROM conn_events"\n\nDocumentation: docs/cli.md, docs/config.md',
    );
  addZoneOptions(vslog);
  for (const entry of commands)
    vslog.addCommand(wanted.includes(entry) ? await entry.load(VERSION, words) : new Command(entry.name).description(entry.description));
  shapeHelp(vslog, everything);
  // exitOverride is inherited only by commands made with .command().
  const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)];
  for (const command of all(vslog).slice(1)) if (command.commands.length === 0) addZoneOptions(command, true);
  for (const command of all(vslog)) command.exitOverride().configureOutput({ outputError: (text, write) => write(errorStyle(text)) });
  return vslog;
}

/** --tz and --utc, which every command understands: in which zone times are read and written. */
function addZoneOptions(command: Command, hidden = false): void {
  const options = [
    new Option('--tz <ZONE>', 'read and write times in this zone, such as Europe/Berlin (default: $TZ, or the machine’s)'),
    new Option('--utc', 'read and write times in UTC'),
  ];
  for (const option of options) command.addOption(hidden ? option.hideHelp() : option);
  if (hidden) command.hook('preAction', (_root, action) => chooseZone(action.optsWithGlobals()));
}

/** For this process, as TZ does. Rejects with Failure. */
async function chooseZone({ tz, utc }: { readonly tz?: string; readonly utc?: boolean }): Promise<void> {
  if (tz !== undefined && utc === true) throw new Failure(Exit.usage, '--utc is --tz UTC: leave one of them out.');
  const zone = utc === true ? 'UTC' : tz;
  if (zone === undefined) return;
  const { isZone } = await import('../text/moment.js');
  if (!isZone(zone)) throw new Failure(Exit.usage, `--tz is ${JSON.stringify(zone)}: it must be a time zone such as Europe/Berlin or UTC.`);
  process.env.TZ = zone;
}

/** Runs the command line and resolves to the exit code. Whatever goes wrong is a sentence. */
export async function main(argv: readonly string[]): Promise<number> {
  admitReaders(undefined);
  // `vslog tail | head` closes the pipe: that is the end, and no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? Exit.ok : Exit.failure);
  });
  const fatal = (error: unknown): void => {
    report(error);
    process.exit(exitCodeOf(error));
  };
  process.on('uncaughtException', fatal);
  process.on('unhandledRejection', fatal);
  try {
    const all = withoutHelpAll(argv);
    const words = argv.slice(2);
    const vslog = await program(needed(words), all !== undefined, words);
    await vslog.parseAsync(sqlArguments(all ?? argv));
    return Exit.ok;
  } catch (error) {
    report(error);
    return exitCodeOf(error);
  }
}

function report(error: unknown): void {
  if (error instanceof CommanderError) return; // said by commander
  const stack = process.env.VSLOG_DEBUG === '1' && error instanceof Error && !(error instanceof Failure) ? `\n${error.stack}` : '';
  const message = sentence(error);
  if (message !== '') process.stderr.write(`${errorStyle(`vslog: ${message}`)}${plainOutput(stack)}\n`);
}
