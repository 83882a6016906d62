import { Command } from 'commander';
import { tail } from '../../collector/tail.js';
import { findKnob, type Knob } from '../../knob/catalogue.js';
import { wholeText } from '../../text/format.js';
import { momentText, ownZone } from '../../text/moment.js';
import { plainText } from '../../text/plain.js';
import { toBigInt, v1 } from '../../wire/proto.js';
import { explained } from '../capture-answer.js';
import { type ControlEvent, eventsOf } from '../event.js';
import { plainEvent } from '../event-json.js';
import { Exit } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { type AnswerOptions, addAnswerOptions, ObjectStream } from '../json-output.js';
import { colour, note, write } from '../output.js';
import { addCapture, captureSocket, isOfServices, knobNamed } from './ask.js';
import { authorText, shown } from './text.js';

const EXAMPLES = `
It asks the capture, so it works without a collector, too. Settings of services and real servers: vslog tail --kind service_changed real_changed.

Examples:
  vslog knob watch
  vslog knob watch expire_nodest_conn conn_reuse_mode
  vslog knob watch --json | jq .name`;

export function watchCommand(): Command {
  const command = new Command('watch')
    .description('Changes of knobs as they happen, whoever makes them, until Ctrl-C.')
    .argument('[knobs...]', 'only these')
    .addHelpText('after', EXAMPLES);
  addCapture(addAnswerOptions(command, 'stream'));
  return command.action(async (names: string[], options: AnswerOptions) => {
    const wanted = new Set(names.map(knobNamed).map(watchable));
    const stream = options.output === 'text' ? undefined : new ObjectStream(options.output);
    const end = new AbortController();
    const stop = (): void => end.abort();
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
    try {
      await tail(
        captureSocket(command),
        { groups: ['knob'] },
        async (batch) => {
          let lines = '';
          for (const log of eventsOf(batch)) {
            if (log.record !== 'control' || log.event.kind !== v1.ControlKind.Value.knob_changed) continue;
            const knob = findKnob(log.event.name);
            if (wanted.size > 0 && (knob === undefined || !wanted.has(knob))) continue;
            if (stream === undefined) lines += changeLine(log.event);
            else await stream.add(plainEvent(log));
          }
          if (lines !== '') await write(lines);
        },
        end.signal,
        { onMissed: ({ missed }) => note(`missed ${wholeText(Number(missed))} changes: this reader is too slow; they are in the log`) },
      );
    } catch (error) {
      throw explained(error);
    } finally {
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
      await stream?.close();
    }
  });
}

function watchable(knob: Knob): Knob {
  if (!isOfServices(knob)) return knob;
  const kind = knob.backing === 'service' ? 'service_changed' : 'real_changed';
  throw new Failure(Exit.usage, `${knob.name} is changed with its service: \`vslog tail --kind ${kind}\` shows that.`);
}

/** A line for people: time, knob, values, who. */
export function changeLine(event: ControlEvent): string {
  const author = authorText({
    uid: event.uid,
    loginUid: event.login_uid,
    pid: event.pid,
    command: event.command,
    parentPid: event.parent_pid,
    parentCommand: event.parent_command,
    through: v1.Through.Value[event.through] ?? String(event.through),
  });
  const name = findKnob(event.name)?.name ?? plainText(event.name);
  const change = `${shown(event.old_value)} → ${shown(event.new_value)}`;
  return `${colour.dim(momentText(Number(toBigInt(event.time_ns) / 1_000_000n), ownZone()))} ${colour.bold(name)}: ${change}, ${author}\n`;
}
