import { findKnob, type Knob } from '../knob/catalogue.js';
import { quotedText } from '../text/plain.js';
import { moment, words } from './columns.js';
import { shortCommand } from './command.js';
import { LIMIT, NODE, REAL, type Report, type Row, SERVICE, SINCE, UNTIL, type Values } from './report.js';
import { endpointText, isOfService, isWithin, narrowed, serviceText } from './sql.js';
import { userNames, userText } from './users.js';

const EXAMPLES = `
A service or real server shows only the words that differ; --json has the whole. Names of users are this machine's.
"unknown: found by comparison" is a change that nobody told the capture of: its time is when it was found. A change by a capture that was not there is found at the next start.

Examples:
  vslog report changes
  vslog report changes --since 7d --name expire_nodest_conn
  vslog report changes --vs tcp://192.0.2.1:80 --json`;

/** Of the answer, in its order. */
const COLUMNS = [
  'time',
  'kind',
  'name',
  'service',
  'real_server',
  'old_value',
  'new_value',
  'uid',
  'login_uid',
  'pid',
  'command',
  'parent_pid',
  'parent_command',
  'through',
  'detail',
  'netns',
  'node',
] as const;

const SERVICE_KINDS = ['service_added', 'service_changed', 'service_removed'];
const REAL_KINDS = ['real_added', 'real_changed', 'real_removed'];
/** For whom the capture keeps events: who began that, who gave it up, who gave way. */
const SUBSCRIBER_KINDS = ['subscriber_added', 'subscriber_removed'];
/** Who had a person's connections erased, and how many events that was. */
const ERASE_KINDS = ['erase_ordered', 'erased'];

/** Every change of a knob, virtual service, real server or durable subscriber, every erasure, and who made it. */
export const changes: Report = {
  name: 'changes',
  doc: 'Every change of a knob, virtual service, real server or durable subscriber, and every erasure, newest first: when, what, who.',
  more: EXAMPLES,
  parameters: [
    SINCE,
    UNTIL,
    { sets: 'knob', flag: 'name', argument: 'KNOB', doc: 'of this knob; a setting of services or real servers: where it differs' },
    SERVICE,
    REAL,
    NODE,
    LIMIT,
  ],
  columns: [
    moment('time', 'time'),
    { title: 'who', name: 'command', min: 12, cell: (row) => whoText(row, names()) },
    { title: 'what', name: 'name', min: 12, cell: whatText },
    { title: 'old → new', name: 'new_value', min: 12, cell: changeText },
    words('through', 'through', { priority: 3 }),
    words('director', 'node', { wide: true }),
  ],
  question: (values) => ({ title: 'Changes', sql: sql(values), columns: COLUMNS, none: noneText(values) }),
  plain: (row) => ({
    ...row,
    user: names().get(Number(row.uid)) ?? null,
    login_user: names().get(Number(row.login_uid)) ?? null,
  }),
};

let known: ReadonlyMap<number, string> | undefined;

function names(): ReadonlyMap<number, string> {
  known ??= userNames();
  return known;
}

/** What the records of services and real servers call their settings: "scheduler=rr persistent=60s flags=0x3", "weight=1 forward=masq upper=0 lower=0". */
const FIELDS: Readonly<Record<string, string>> = {
  service_scheduler: 'scheduler',
  service_timeout: 'persistent',
  service_flags: 'flags',
  real_weight: 'weight',
  real_forward: 'forward',
  real_upper: 'upper',
  real_lower: 'lower',
};

function isOfServices({ backing }: Knob): boolean {
  return backing === 'service' || backing === 'real-server';
}

function noneText({ knob }: Values): string {
  return knob !== undefined && isOfServices(knob) && FIELDS[knob.name] === undefined
    ? `The log does not keep ${knob.name}.`
    : 'The log has no such change.';
}

function sql(values: Values): string {
  const { since, until, knob, service, real, node, limit } = values;
  const where = [
    isWithin(since, until),
    kindsOf(knob),
    ...(service === undefined ? [] : [`NOT ${PLACELESS}`, isOfService(service, 'addr', true)]),
    ...narrowed({ ...(real === undefined ? {} : { real }), ...(node === undefined ? {} : { node }) }, 'addr'),
  ];
  // Inside by other names: an alias of ClickHouse hides the column of that name everywhere in a query.
  const found = `SELECT time_ns AS at, epoch AS run, sequence AS number, toString(kind) AS sort, name AS knob, ${PLACELESS} AS placeless, startsWith(sort, 'real_') AS of_real, if(placeless, '', ${serviceText()}) AS vs, if(of_real, ${endpointText('real')}, '') AS rs, ${COLUMNS.slice(5).join(', ')} FROM control_events WHERE ${where.join(' AND ')}`;
  const rest = COLUMNS.slice(5).map((name) => (name === 'through' ? 'toString(through) AS through' : name));
  return `SELECT toUnixTimestamp64Milli(at) AS time, sort AS kind, knob AS name, vs AS service, rs AS real_server, ${rest.join(', ')} FROM (${found}) ORDER BY at DESC, run DESC, number DESC LIMIT ${limit ?? 50}`;
}

function kindsOf(knob: Knob | undefined): string {
  if (knob === undefined) return isOneOf('kind', ['knob_changed', ...SERVICE_KINDS, ...REAL_KINDS, ...SUBSCRIBER_KINDS, ...ERASE_KINDS]);
  const { name, path, backing } = knob;
  if (isOfServices(knob)) {
    const field = FIELDS[name];
    if (field === undefined) return 'false';
    const [before, after] = ['old_value', 'new_value'].map((column) => `extract(${column}, '(?:^| )${field}=([^ ]*)')`);
    return `${isOneOf('kind', backing === 'service' ? SERVICE_KINDS : REAL_KINDS)} AND ${before} != ${after}`;
  }
  // Source engine once wrote the sysctl's name for a knob that has none in the kernel, too.
  const written = [...new Set([name, `net.ipv4.vs.${name}`, path, path.replaceAll('/', '.')])];
  return `kind = 'knob_changed' AND ${isOneOf('name', written)}`;
}

/** Of nothing that has an address. */
const PLACELESS = isOneOf('kind', ['knob_changed', ...SUBSCRIBER_KINDS, ...ERASE_KINDS]);

function isOneOf(column: string, words: readonly string[]): string {
  return `${column} IN (${words.map((word) => `'${word}'`).join(', ')})`;
}

/** `expire_nodest_conn`, `tcp 192.0.2.1:80`, `real server 192.0.2.11:8080 of tcp 192.0.2.1:80`. */
export function whatText(row: Row): string {
  if (row.kind === 'knob_changed') return findKnob(String(row.name))?.name ?? String(row.name);
  if (SUBSCRIBER_KINDS.includes(String(row.kind))) return `subscriber ${String(row.name)}`;
  if (ERASE_KINDS.includes(String(row.kind))) return `erasure ${String(row.name)}`;
  return row.real_server === '' ? String(row.service) : `real server ${String(row.real_server)} of ${String(row.service)}`;
}

/** `0 → 1`, `weight=1 → weight=0`, `added: weight=1 ...`. */
export function changeText(row: Row): string {
  const [before, after] = [String(row.old_value), String(row.new_value)];
  if (row.kind === 'knob_changed') return `${shown(before)} → ${shown(after)}`;
  if (row.kind === 'erase_ordered') return `ordered by ${before}: ${String(row.detail)}`;
  if (row.kind === 'erased') return `erased: ${after}`;
  if (String(row.kind).endsWith('_added')) return `added${after === '' ? '' : `: ${after}`}`;
  if (String(row.kind).endsWith('_removed')) return `removed${before === '' ? '' : `: ${before}`}`;
  const only = (text: string, other: string): string => {
    const words = new Set(other.split(' '));
    return text
      .split(' ')
      .filter((word) => !words.has(word))
      .join(' ');
  };
  return before === after ? `${shown(after)} as before` : `${shown(only(before, after))} → ${shown(only(after, before))}`;
}

/** Who made a change, for pages: `short` is `alice: ipvsadm -e -t 192.0.2.1:80…`, `whole` has every command line to its end. */
export function authorOf(row: Row): { readonly short: string; readonly whole: string } {
  const whole = whoText(row, names(), Number.POSITIVE_INFINITY);
  const command = String(row.command);
  if (command === '') return { short: whole, whole };
  const short = quotedText(shortCommand(command));
  // At the console the name of the token says who it was, not the collector's user.
  return { short: command.startsWith('for ') ? short : `${userText(names(), Number(row.uid)) ?? 'unknown user'}: ${short}`, whole };
}

/** `alice: vslog (pid 12), parent bash (pid 7)`; `most`: characters of a command line. */
export function whoText(row: Row, users: ReadonlyMap<number, string>, most = COMMAND_LENGTH): string {
  const pid = Number(row.pid);
  const command = String(row.command);
  if (pid === 0 && command === '') return nobodyText(row);
  const user = userText(users, Number(row.uid)) ?? 'unknown user';
  const login = userText(users, Number(row.login_uid));
  const parentPid = Number(row.parent_pid);
  return [
    `${user}${login === undefined || login === user ? '' : ` (login ${login})`}: ${programText(command, pid, most)}`,
    ...(parentPid === 0 ? [] : [`parent ${programText(String(row.parent_command), parentPid, most)}`]),
  ].join(', ');
}

/** The kernel named no process. */
function nobodyText({ through, detail }: Row): string {
  if (through === 'kernel') return 'the kernel';
  if (through !== 'unknown') return 'unknown';
  return `unknown: found by comparison${/capture started/.test(String(detail)) ? ', when the capture started' : ''}`;
}

/** More of a command line than this only makes the table wide. */
const COMMAND_LENGTH = 80;

function programText(line: string, pid: number, most: number): string {
  const characters = [...line];
  const cut = characters.length > most ? `${characters.slice(0, most - 1).join('')}…` : line;
  const command = cut === '' ? 'unknown program' : quotedText(cut);
  return pid === 0 ? command : `${command} (pid ${pid})`;
}

/** An empty value can be seen. */
function shown(value: string): string {
  return value === '' ? '""' : value;
}
