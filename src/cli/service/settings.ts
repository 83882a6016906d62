import { type Command, Option } from 'commander';
import { findKnob, type Knob } from '../../knob/catalogue.js';
import { allowed } from '../../knob/value.js';
import type { KnobAssignment } from '../../wire/administration.js';
import { parsedValue } from '../knob/ask.js';

/** The flag of a setting, and the knob whose values it takes. */
type Flags = Readonly<Record<string, string>>;

/** Of a virtual service. */
export const SERVICE_FLAGS: Flags = {
  scheduler: 'service_scheduler',
  persistent: 'service_timeout',
  netmask: 'service_netmask',
  flags: 'service_flags',
  pe: 'service_pe',
};

/** Of a real server. */
export const REAL_FLAGS: Flags = {
  weight: 'real_weight',
  forward: 'real_forward',
  upper: 'real_upper',
  lower: 'real_lower',
  'tunnel-type': 'real_tunnel_type',
  'tunnel-port': 'real_tunnel_port',
  'tunnel-flags': 'real_tunnel_flags',
};

/** Adds a flag a setting. They are read by settingsOf(). */
export function addSettings(command: Command, flags: Flags): Command {
  for (const [flag, name] of Object.entries(flags)) {
    const knob = knobOf(name);
    command.addOption(new Option(`--${flag} <${argument(knob)}>`, `${knob.doc} Takes ${allowed(knob)}.`));
  }
  return command;
}

/** The settings that were given. Throws Failure at a value that cannot be. */
export function settingsOf(command: Command, flags: Flags): KnobAssignment[] {
  const options = command.opts<Record<string, string | undefined>>();
  return Object.entries(flags).flatMap(([flag, name]) => {
    const written = options[new Option(`--${flag} <X>`).attributeName()];
    return written === undefined ? [] : [setting(name, written)];
  });
}

/** One setting, by the knob's name, from what a person wrote. Throws Failure. */
export function setting(name: string, written: string): KnobAssignment {
  return { name, value: parsedValue(knobOf(name), written) };
}

function knobOf(name: string): Knob {
  const knob = findKnob(name);
  if (knob === undefined) throw new Error(`the catalogue has no ${name}`);
  return knob;
}

function argument({ type }: Knob): string {
  return type === 'duration' ? 'TIME' : type === 'int' ? 'N' : type === 'netmask' ? 'MASK' : type === 'flags' ? 'WORDS' : 'WORD';
}
