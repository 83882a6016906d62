import { Command } from 'commander';
import type { Knob } from '../../knob/catalogue.js';
import { changesOf } from '../../knob/questions.js';
import { momentText, ownZone } from '../../text/moment.js';
import { timeOfStore } from '../../text/rfc3339.js';
import { Exit } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { type AnswerOptions, addAnswerOptions, writeArray } from '../json-output.js';
import { addConfigOptions } from '../options.js';
import { colour, write } from '../output.js';
import { apiSocket, knobNamed } from './ask.js';
import { askLog, type Row } from './asked-log.js';
import { authorText, plainValueOf, shown } from './text.js';

const LIMIT = 50;

const EXAMPLES = `
Settings of services and real servers have the changes of all of them.

Examples:
  vslog knob log expire_nodest_conn
  vslog knob log timeout_tcp --limit 5 --json`;

export function logCommand(): Command {
  const command = new Command('log')
    .description('Changes of a knob in the log, newest first: when, what, who.')
    .argument('<knob>', 'its name')
    .option('--limit <N>', `so many at most (default: ${LIMIT})`)
    .addHelpText('after', EXAMPLES);
  addConfigOptions(addAnswerOptions(command, 'array'), 'sql');
  return command.action(async (name: string, options: AnswerOptions & { limit?: string }) => {
    const knob = knobNamed(name);
    const limit = options.limit ?? String(LIMIT);
    if (!/^[1-9]\d{0,8}$/.test(limit)) {
      throw new Failure(Exit.usage, `--limit is ${JSON.stringify(limit)}: it must be a whole number from 1.`);
    }
    const question = changesOf(knob, Number(limit));
    const rows = await askLog(apiSocket(command), question);
    if (options.output !== 'text')
      return writeArray(
        options.output,
        rows.map((row) => plainRow(knob, row)),
      );
    return write(rows.length === 0 ? `${question.none}\n` : rows.map((row) => `${loggedChange(row)}\n`).join(''));
  });
}

/** A row of an answer of the log for machines: times as RFC 3339, values of the knob as `knob ls` has them. */
export function plainRow(knob: Knob, row: Row): Row {
  const plain = Object.entries(row).map(([name, value]) => {
    if (typeof value !== 'string') return [name, value] as const;
    if (name === 'time' || name === 'last') return [name, timeOfStore(value)] as const;
    return [name, name === 'old_value' || name === 'new_value' ? plainValueOf(knob, value) : value] as const;
  });
  return Object.fromEntries(plain);
}

/** A change as a line for people. */
export function loggedChange(row: Row): string {
  const author = authorText({
    uid: Number(row.uid),
    loginUid: Number(row.login_uid),
    pid: Number(row.pid),
    command: String(row.command),
    parentPid: Number(row.parent_pid),
    parentCommand: String(row.parent_command),
    through: String(row.through),
  });
  return `${colour.dim(momentText(Date.parse(timeOfStore(String(row.time))), ownZone()))} ${shown(String(row.old_value))} → ${shown(String(row.new_value))}, ${author}`;
}
