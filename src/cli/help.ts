import type { Command, Option } from 'commander';
import { wrapped } from './help-wrap.js';

/** Groups of `vslog --help`, in its order: a name of each command. */
const GROUPS: readonly (readonly [title: string, names: readonly string[]])[] = [
  ['Record:', ['up', 'capture', 'collect']],
  ['Look:', ['tail', 'sql', 'report', 'conn', 'status', 'console']],
  ['Change the balancer:', ['vs', 'rs', 'knob']],
  ['Prove and mend:', ['verify', 'replay', 'erase']],
  ['Set up:', ['doctor', 'config', 'sink', 'subscriber', 'key', 'completion']],
];

/** Options that stand in the configuration file, too. */
const configured = new WeakSet<Option>();
/** Of these, what people say on a command line: everything else is behind --help-all. */
const FREQUENT: ReadonlySet<string> = new Set([
  ...[
    '--config',
    '--socket',
    '--api-socket',
    '--source',
    '--data-dir',
    '--node',
    '--collector-group',
    '--admin-group',
    '--read-group',
    '--user',
  ],
  ...['--store', '--clickhouse-url', '--kafka-brokers', '--file-dir', '--clickhouse-http-listen', '--console-listen', '--metrics-listen'],
  ...['--journal-size', '--when-full', '--load', '--pcap', '--listen-open'],
]);

/** Says that an option stands in the configuration file, too. */
export function asConfigured(option: Option): Option {
  configured.add(option);
  return option;
}

/** Lines are no wider than this, however wide the terminal is. */
const WIDEST = 110;

/** How all commands explain themselves; `everything`: --help-all was asked for. */
export function shapeHelp(vslog: Command, everything: boolean): void {
  for (const [title, names] of GROUPS) for (const command of vslog.commands) if (names.includes(command.name())) command.helpGroup(title);
  // That a command has options goes without saying.
  vslog.configureHelp({ subcommandTerm: (command) => command.name() });
  const helpWidth = Math.min(process.stdout.columns ?? 100, WIDEST);
  const shape = (command: Command): void => {
    command.configureHelp({ ...command.configureHelp(), helpWidth, optionDescription });
    command.configureOutput({ writeOut: (text) => void process.stdout.write(wrapped(text, helpWidth)) });
    let rare = 0;
    for (const option of command.options) {
      if (!configured.has(option)) continue;
      option.helpGroup('Configuration (vslog config docs):');
      if (everything || FREQUENT.has(option.long ?? '')) continue;
      option.hideHelp();
      rare++;
    }
    if (rare > 0)
      command.addHelpText(
        'after',
        `\n--help-all shows ${rare} more ${rare === 1 ? 'option' : 'options'}, which the configuration file has, too.`,
      );
    command.commands.forEach(shape);
  };
  shape(vslog);
}

/** The end of a command's help: some of its command lines, without the program's name. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  vslog ${line}`).join('\n')}`;
}

/** Its text, what may be chosen, and the default; not the value that a flag alone stands for. */
function optionDescription({ description, argChoices, defaultValue, defaultValueDescription, required, optional }: Option): string {
  const extra = [
    ...(argChoices === undefined ? [] : [argChoices.join(', ')]),
    ...(defaultValue === undefined || !(required || optional) ? [] : [`default: ${defaultValueDescription ?? String(defaultValue)}`]),
  ];
  return extra.length === 0 ? description : `${description} (${extra.join('; ')})`;
}

/** A command line with --help-all as one with --help; undefined where it does not ask for that. */
export function withoutHelpAll(argv: readonly string[]): string[] | undefined {
  const end = argv.indexOf('--');
  const at = argv.indexOf('--help-all');
  if (at < 0 || (end >= 0 && at > end)) return undefined;
  return [...argv.slice(0, at), '--help', ...argv.slice(at + 1)];
}

/** A command line of `vslog sql` whose query begins with a comment: `--` with a blank somewhere behind it is no option. */
export function sqlArguments(argv: readonly string[]): string[] {
  const at =
    argv[2] === 'sql' && !argv.includes('--')
      ? argv.findIndex((text, i) => i > 2 && /^--[\s\S]*\s/.test(text) && !/^--[\w-]+=/.test(text))
      : -1;
  return at < 0 ? [...argv] : [...argv.slice(0, at), ...argv.slice(at + 1), '--', argv[at] ?? ''];
}
