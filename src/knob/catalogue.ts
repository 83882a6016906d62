import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { nearest } from '../config/nearest.js';

const value = z.strictObject({
  value: z.string(),
  /** What the kernel calls it, of a flag its bit. */
  number: z.int().optional(),
  doc: z.string(),
});

const text = z.string().min(1);

/** An entry of proto/knobs.json. */
const knob = z.strictObject({
  /** The kernel's name, where it has one. */
  name: z.string().regex(/^[a-z][a-z0-9_]*$/),
  group: text,
  /** What holds its value. */
  backing: z.enum(['sysctl-ipvs', 'sysctl-conntrack', 'ipvs-netlink', 'service', 'real-server', 'module-parameter', 'engine', 'capture']),
  /** Of a sysctl: below /proc/sys. Of a module parameter: below /sys. Else: the netlink attribute, or the capture's option. */
  path: text,
  type: z.enum(['bool', 'int', 'enum', 'flags', 'duration', 'size', 'pair', 'string', 'cpulist', 'netmask']),
  unit: text.optional(),
  min: z.int().optional(),
  max: z.int().optional(),
  values: z.array(value).min(1).optional(),
  maxLength: z.int().positive().optional(),
  powerOfTwo: z.literal(true).optional(),
  /** A knob whose value this one's may not exceed. */
  notAbove: text.optional(),
  /** As the backing writes it. */
  default: z.string().optional(),
  /** Where the default depends on the machine: how. */
  defaultDoc: text.optional(),
  /** Values between which the kernel goes by itself: that is no change of the knob. */
  flips: z.array(z.string()).length(2).optional(),
  scope: z.enum(['netns', 'global', 'service', 'real', 'capture']),
  writable: z.boolean(),
  /** A change works at once; else at the next start of what holds it. */
  live: z.boolean(),
  /** The embedded balancer has it, too. */
  engine: z.literal(true).optional(),
  /** What the kernel needs for it. */
  needs: text.optional(),
  /** The first Linux that has it. For people: what is there is found by looking. */
  since: text.optional(),
  /** Its name in the configuration. */
  option: text.optional(),
  doc: text,
  more: z.string(),
  cost: text,
  /** Knobs that change what it does. */
  interacts: z.array(z.string()),
  /** Kinds of records that are others after a change, perhaps with a value: "expire reason=nodest". */
  records: z.array(z.string()),
  /** Where the rule is written. */
  source: text,
});

const file = z.strictObject({ $schema: z.string().optional(), knobs: z.array(knob) });

export type Knob = z.infer<typeof knob>;

/** Every knob there is, in the order of the catalogue: proto/knobs.json, the only definition of a knob. */
export const knobs: readonly Knob[] = file.parse(
  JSON.parse(readFileSync(new URL('../../proto/knobs.json', import.meta.url), 'utf8')),
).knobs;

const byName = new Map(knobs.map((one) => [one.name, one]));

/** The command of a knob: its name with dashes. */
export function commandName(one: Knob): string {
  return one.name.replaceAll('_', '-');
}

/** The knob of that name, written with underscores or dashes, or as a sysctl's path (`net.ipv4.vs.conntrack`). Undefined when there is none. */
export function findKnob(name: string): Knob | undefined {
  const plain = name.replaceAll('-', '_');
  return (
    byName.get(plain) ??
    knobs.find(({ backing, path }) => backing.startsWith('sysctl') && path.replaceAll('/', '.') === plain.replaceAll('/', '.'))
  );
}

/** A sentence for a name that no knob has. */
export function noSuchKnob(name: string): string {
  const near = nearest(name.replaceAll('-', '_'), [...byName.keys()]);
  return `There is no knob ${name}${near === undefined ? '' : `: do you mean ${near}?`}${near === undefined ? '; `vslog knob ls` shows all.' : ''}`;
}
