import { readFileSync } from 'node:fs';
import { nearest } from '../config/nearest.js';

/** A value of a knob that has only some. */
export interface KnobValue {
  readonly value: string;
  /** What the kernel calls it, of a flag its bit. */
  readonly number?: number | undefined;
  readonly doc: string;
}

/** An entry of proto/knobs.json. */
export interface Knob {
  /** The kernel's name, where it has one. */
  readonly name: string;
  readonly group: string;
  /** What holds its value. */
  readonly backing:
    | 'sysctl-ipvs'
    | 'sysctl-conntrack'
    | 'ipvs-netlink'
    | 'service'
    | 'real-server'
    | 'module-parameter'
    | 'engine'
    | 'capture';
  /** Of a sysctl: below /proc/sys. Of a module parameter: below /sys. Else: the netlink attribute, or the capture's option. */
  readonly path: string;
  readonly type: 'bool' | 'int' | 'enum' | 'flags' | 'duration' | 'size' | 'pair' | 'string' | 'cpulist' | 'netmask';
  readonly unit?: string | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  readonly values?: readonly KnobValue[] | undefined;
  readonly maxLength?: number | undefined;
  readonly powerOfTwo?: true | undefined;
  /** A knob whose value this one's may not exceed. */
  readonly notAbove?: string | undefined;
  /** As the backing writes it. */
  readonly default?: string | undefined;
  /** Where the default depends on the machine: how. */
  readonly defaultDoc?: string | undefined;
  /** Values between which the kernel goes by itself: that is no change of the knob. */
  readonly flips?: readonly string[] | undefined;
  readonly scope: 'netns' | 'global' | 'service' | 'real' | 'capture';
  readonly writable: boolean;
  /** A change works at once; else at the next start of what holds it. */
  readonly live: boolean;
  /** The embedded balancer has it, too. */
  readonly engine?: true | undefined;
  /** What the kernel needs for it. */
  readonly needs?: string | undefined;
  /** The first Linux that has it. For people: what is there is found by looking. */
  readonly since?: string | undefined;
  /** Its name in the configuration. */
  readonly option?: string | undefined;
  readonly doc: string;
  readonly more: string;
  readonly cost: string;
  /** Knobs that change what it does. */
  readonly interacts: readonly string[];
  /** Kinds of records that are others after a change, perhaps with a value: "expire reason=nodest". */
  readonly records: readonly string[];
  /** Where the rule is written. */
  readonly source: string;
}

/** Every knob there is, in the order of the catalogue: proto/knobs.json, the only definition of a knob. The file is a part of the package; test/unit/knob holds it to its type. */
export const knobs = (
  JSON.parse(readFileSync(new URL('../../proto/knobs.json', import.meta.url), 'utf8')) as { readonly knobs: readonly Knob[] }
).knobs;

const byName = new Map(knobs.map((one) => [one.name, one]));

/** Names of the groups, in the order of the catalogue. */
export function groups(): string[] {
  return [...new Set(knobs.map(({ group }) => group))];
}

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
