import { commandName, findKnob, type Knob } from '../../knob/catalogue.js';
import { allowed } from '../../knob/value.js';
import { plainText, quotedText } from '../../text/plain.js';
import type { KnobChange, KnobReading } from '../../wire/administration.js';
import { examples } from '../help.js';
import { type AnswerForm, writeArray } from '../json-output.js';
import { write } from '../output.js';

/** Where a knob's value is, in a few words. */
export function whereOf({ backing, path, option }: Knob): string {
  switch (backing) {
    case 'sysctl-ipvs':
    case 'sysctl-conntrack':
      return path.replaceAll('/', '.');
    case 'ipvs-netlink':
      return 'ipvsadm --set';
    case 'service':
      return 'each service';
    case 'real-server':
      return 'each real server';
    case 'module-parameter':
      return `/sys/${path}`;
    case 'engine':
      if (option === undefined) return `vslog-capture --knob ${path}=VALUE`;
      return `vslog-capture --${path}`;
    case 'capture':
      return `vslog-capture --${path}`;
  }
}

/** The default, in words where it depends on the machine. */
export function defaultOf({ default: value, defaultDoc }: Knob): string {
  return value ?? `(${defaultDoc ?? ''})`;
}

/** What the help of a knob's own command says first. */
export function descriptionOf(knob: Knob): string {
  const lines = [
    knob.doc,
    ...(knob.more === '' ? [] : ['', knob.more]),
    '',
    `Takes ${allowed(knob)}. Default: ${defaultOf(knob)}. Where: ${whereOf(knob)}.`,
    ...(knob.values ?? []).map(({ value, doc }) => `  ${value}: ${doc}`),
    ...(knob.writable ? [] : ['It can be read only.']),
    ...(knob.live || !knob.writable
      ? []
      : [`It works from the next start on${knob.option === undefined ? '' : `: set ${knob.option} in the configuration`}.`]),
    `See also: vslog knob explain ${knob.name}`,
  ];
  return lines.join('\n');
}

/** Examples of a knob's own command; `where`: options that say of what, which may be left out when it is only shown. */
export function knobExamples(knob: Knob, where = ''): string {
  const { default: usual, values, min, writable, live } = knob;
  const sample = usual !== undefined && usual !== '' ? usual : (values?.[0]?.value ?? String(min ?? 1));
  const set = `${/\s/.test(sample) ? `"${sample}"` : sample.startsWith('-') ? `-- ${sample}` : sample}`;
  const name = `knob ${commandName(knob)}`;
  const placed = where === '' ? '' : ` ${where}`;
  const settable = writable && live;
  return examples(
    name,
    ...(settable ? [set.startsWith('--') ? `${name}${placed} ${set}` : `${name} ${set}${placed}`] : [`${name} --json`]),
  );
}

/** Whether two values are the same to what holds them: the kernel separates the numbers of a pair by a tab. */
export function isSame(a: string, b: string): boolean {
  return a.trim().split(/\s+/).join(' ') === b.trim().split(/\s+/).join(' ');
}

/** Whether it has a value that is not the default. One without a fixed default is never changed. */
export function isChanged(knob: Knob, reading: KnobReading | undefined): boolean {
  return knob.default !== undefined && reading !== undefined && reading.problem === '' && !isSame(reading.value, knob.default);
}

/** Types whose values are numbers, where they are not words. */
const NUMERIC: ReadonlySet<Knob['type']> = new Set(['bool', 'int', 'enum', 'duration', 'size']);

/** A value for machines: a number where the knob's values are numbers, in its unit. */
export function plainValueOf(knob: Knob | undefined, value: string): number | string {
  return knob !== undefined && NUMERIC.has(knob.type) && /^-?\d{1,15}$/.test(value) ? Number(value) : value;
}

/** A knob with what the capture says of it, for machines: docs/json/knob.schema.json. `apply` and `diff` read it, too. */
export function plainKnob(knob: Knob, reading: KnobReading | undefined): Record<string, unknown> {
  const problem = reading?.problem ?? '';
  return {
    name: knob.name,
    group: knob.group,
    value: reading === undefined || problem !== '' ? null : plainValueOf(knob, reading.value),
    default: knob.default === undefined ? null : plainValueOf(knob, knob.default),
    unit: knob.unit ?? null,
    where: whereOf(knob),
    changed: isChanged(knob, reading),
    settable: reading?.settable ?? false,
    problem: problem === '' ? null : problem,
    of_each: knob.scope === 'service' ? 'service' : knob.scope === 'real' ? 'real_server' : null,
    doc: knob.doc,
  };
}

/** `name: old → new`, or an array for machines: docs/json/knob-change.schema.json. */
export async function writeChanges(changes: readonly KnobChange[], form: AnswerForm): Promise<void> {
  if (form === 'text') return write(changes.map((change) => `${changeText(change)}\n`).join(''));
  await writeArray(
    form,
    changes.map(({ name, oldValue, newValue }) => {
      const knob = findKnob(name);
      return { name, old_value: plainValueOf(knob, oldValue), new_value: plainValueOf(knob, newValue) };
    }),
  );
}

/** `name: old → new`, or that it is so already. */
export function changeText({ name, oldValue, newValue }: KnobChange): string {
  return isSame(oldValue, newValue) ? `${name}: ${shown(newValue)} already` : `${name}: ${shown(oldValue)} → ${shown(newValue)}`;
}

/** A value within a line: an empty one can be seen, and what else is hidden. */
export function shown(value: string): string {
  return value === '' ? '""' : plainText(value);
}

/** Who changed something, as control_events has it. */
export interface Author {
  readonly uid: number;
  readonly loginUid: number;
  readonly pid: number;
  readonly command: string;
  readonly parentPid: number;
  readonly parentCommand: string;
  readonly through: string;
}

const NOT_KNOWN = 0xffff_ffff;

/** `by sysctl -w ... (pid 12, uid 0, login uid 1000), parent bash (pid 7), through sysctl`; a process that had ended when it was asked about is `an unknown program`; what else is not known is left out. */
export function authorText({ uid, loginUid, pid, command, parentPid, parentCommand, through }: Author): string {
  const of = [
    ...(pid === 0 ? [] : [`pid ${pid}`]),
    ...(uid === NOT_KNOWN || (pid === 0 && command === '') ? [] : [`uid ${uid}`]),
    ...(loginUid === NOT_KNOWN || (pid === 0 && command === '') ? [] : [`login uid ${loginUid}`]),
  ].join(', ');
  const parts: string[] = [];
  const program = command !== '' ? quotedText(command) : pid === 0 ? '' : 'an unknown program';
  if (program !== '' || of !== '') parts.push(`by ${program === '' ? of : of === '' ? program : `${program} (${of})`}`);
  if (parentPid !== 0)
    parts.push(`parent ${parentCommand === '' ? `pid ${parentPid}` : `${quotedText(parentCommand)} (pid ${parentPid})`}`);
  if (through !== 'unknown') parts.push(`through ${through}`);
  return parts.length === 0 ? 'not known by whom' : parts.join(', ');
}
