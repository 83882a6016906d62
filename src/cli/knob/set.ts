import { Command } from 'commander';
import type { KnobAssignment, KnobChange } from '../../wire/administration.js';
import { Exit } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { type AnswerOptions, addAnswerOptions } from '../json-output.js';
import { note } from '../output.js';
import { addCapture, addNetns, captureSocket, knobNamed, parsedValue, wantOneValue, withAdministration } from './ask.js';
import { writeChanges } from './text.js';

const EXAMPLES = `
All are set, or none. Times and sizes may have units: 90s, 15m, 2h; 64K, 16M.

Examples:
  vslog knob set expire_nodest_conn=1
  vslog knob set timeout_tcp=15m timeout_udp=30s --dry-run
  vslog knob set net.ipv4.vs.conn_reuse_mode=1 --netns blue`;

/** What `set`, `apply`, `reset` and the command of each knob take when they change something. */
export interface ChangeOptions extends AnswerOptions {
  readonly netns?: string;
  readonly dryRun?: boolean;
}

export function setCommand(): Command {
  const command = new Command('set')
    .description('Set knobs, all or none.')
    .argument('<assignments...>', 'KNOB=VALUE')
    .addHelpText('after', EXAMPLES);
  addCapture(addChange(command));
  return command.action(async (texts: string[], options: ChangeOptions) => {
    await setAndTell(captureSocket(command), assignmentsOf(texts), options);
  });
}

/** Adds the flags of a command that changes knobs. */
export function addChange(command: Command): Command {
  return addNetns(addAnswerOptions(command.option('--dry-run', 'check everything, change nothing'), 'array'));
}

/** Sets all or none, and says what became of them. */
export async function setAndTell(
  socket: string,
  assignments: readonly KnobAssignment[],
  { netns = '', dryRun = false, output }: ChangeOptions,
): Promise<readonly KnobChange[]> {
  const changes = await withAdministration(socket, (capture) => capture.setKnobs(assignments, { netns, dryRun }));
  await writeChanges(changes, output);
  if (dryRun && output === 'text') note('nothing was changed: --dry-run');
  return changes;
}

/** Reads `NAME=VALUE`s. Throws Failure. */
function assignmentsOf(texts: readonly string[]): KnobAssignment[] {
  const names = new Set<string>();
  return texts.map((text) => {
    const [, name, written] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
    if (name === undefined || written === undefined) {
      throw new Failure(Exit.usage, `${JSON.stringify(text)} must be KNOB=VALUE, such as expire_nodest_conn=1.`);
    }
    const knob = knobNamed(name);
    wantOneValue(knob);
    if (names.has(knob.name)) throw new Failure(Exit.usage, `${knob.name} is given twice.`);
    names.add(knob.name);
    return { name: knob.name, value: parsedValue(knob, written) };
  });
}
