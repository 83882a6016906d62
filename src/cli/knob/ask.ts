import { type Command, Option } from 'commander';
import { optionOf } from '../../config/schema.js';
import { findKnob, type Knob, noSuchKnob } from '../../knob/catalogue.js';
import { BadKnobValue, parseKnobValue } from '../../knob/value.js';
import { Administration } from '../../wire/administration.js';
import { CaptureClient } from '../../wire/client.js';
import { explained } from '../capture-answer.js';
import { Exit } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { addConfigOptions, configOf } from '../options.js';

/** A session for one command: it ends with `action`. What the capture says no to is a Failure with an exit code of its own. */
export async function withAdministration<T>(socket: string, action: (administration: Administration) => Promise<T>): Promise<T> {
  const client = new CaptureClient({ path: socket, software: 'vslog knob' });
  try {
    await client.connect();
    return await action(new Administration(client));
  } catch (error) {
    throw explained(error);
  } finally {
    client.close();
  }
}

/** Adds --netns, for a command that asks the capture for values. */
export function addNetns(command: Command): Command {
  return command.option('--netns <NETNS>', "of this network namespace: a name below /run/netns or a path (default: the capture's own)");
}

/** Adds where the capture listens. */
export function addCapture(command: Command): Command {
  return addConfigOptions(command, 'conn');
}

/** Adds where the collector listens. */
export function addCollector(command: Command): Command {
  return command.addOption(new Option('--api-socket <PATH>', optionOf('collector.api_socket').doc));
}

/** Where the capture listens. */
export function captureSocket(command: Command): string {
  return configOf(command, 'conn').values['capture.socket'];
}

/** Where the collector listens. */
export function apiSocket(command: Command): string {
  return configOf(command, 'sql').values['collector.api_socket'];
}

/** The knob of a name from the command line. Throws Failure. */
export function knobNamed(name: string): Knob {
  const knob = findKnob(name);
  if (knob === undefined) throw new Failure(Exit.usage, noSuchKnob(name));
  return knob;
}

/** What a person wrote as what the capture takes. Throws Failure. */
export function parsedValue(knob: Knob, written: string): string {
  try {
    return parseKnobValue(knob, written);
  } catch (error) {
    throw error instanceof BadKnobValue ? new Failure(Exit.usage, error.message) : error;
  }
}

/** Whether it is a setting of each virtual service or real server, of which the capture tells with those. */
export function isOfServices({ backing }: Knob): boolean {
  return backing === 'service' || backing === 'real-server';
}

/** Throws Failure when it is a setting of each virtual service or real server: then one must be named. */
export function wantOneValue(knob: Knob): void {
  const sentence = severalValues(knob);
  if (sentence !== undefined) throw new Failure(Exit.usage, sentence);
}

/** Why a knob cannot be named alone; undefined when it can. */
export function severalValues({ name, backing }: Knob): string | undefined {
  if (backing !== 'service' && backing !== 'real-server') return undefined;
  const [what, how] = backing === 'service' ? ['virtual service', '--vs SERVICE'] : ['real server', '--vs SERVICE --rs ADDRESS:PORT'];
  return `${name} is of each ${what} its own: name one by \`vslog knob ${name.replaceAll('_', '-')} ${how}\`.`;
}
