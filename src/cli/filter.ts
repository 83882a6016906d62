import type { GroupName } from '../wire/client.js';
import { type EventFilter, eventFilterMessage } from '../wire/event-filter.js';
import { v1 } from '../wire/proto.js';
import { eventField, NoSuchValue } from './event-field.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { BadExpression, parseWhere } from './where.js';

/** As the command line has them. Values of one are alternatives; all that are given must hold. */
export interface FilterOptions {
  readonly client?: readonly string[];
  readonly vs?: readonly string[];
  readonly rs?: readonly string[];
  readonly kind?: readonly string[];
  readonly reason?: readonly string[];
  readonly outcome?: readonly string[];
  readonly protocol?: readonly string[];
  /** An expression: where.ts. */
  readonly where?: string;
}

const FLAGS = ['client', 'vs', 'rs', 'kind', 'reason', 'outcome', 'protocol'] as const;

/** Kinds that have a multicast group of their own: the capture looks at no more of an event than its group before it leaves it out. */
const GROUPS: Readonly<Record<string, GroupName>> = {
  expire: 'conn_expire',
  nodest_drop: 'nodest_drop',
  sched_fail: 'sched_fail',
};

/** What is wanted, for the capture; undefined: everything. Throws Failure, a sentence, when a value is none. */
export function eventFilter(options: FilterOptions): EventFilter | undefined {
  const parts: EventFilter[] = [];
  for (const flag of FLAGS) {
    const values = options[flag];
    const field = eventField(flag);
    if (values === undefined || field === undefined) continue;
    for (const value of values) checked(flag, value, () => field.isOneOf([value]));
    parts.push(field.isOneOf(values));
  }
  if (options.where !== undefined) parts.push(expression(options.where));
  return parts.length > 1 ? { all: parts } : parts[0];
}

/** The same, encoded. */
export function filterBytes(options: FilterOptions): Uint8Array | undefined {
  const filter = eventFilter(options);
  return filter === undefined ? undefined : v1.EventFilter.encode(eventFilterMessage(filter)).finish();
}

/** The groups to subscribe to; none means all. */
export function groupsFor(options: FilterOptions): GroupName[] {
  const groups = (options.kind ?? []).map((kind) => GROUPS[kind]);
  return groups.every((group) => group !== undefined) ? groups : [];
}

function checked(flag: string, value: string, make: () => EventFilter): void {
  try {
    make();
  } catch (error) {
    if (!(error instanceof NoSuchValue)) throw error;
    throw new Failure(Exit.usage, sentence(`--${flag} is ${JSON.stringify(value)}: ${error.message}`));
  }
}

function expression(text: string): EventFilter {
  try {
    return parseWhere(text);
  } catch (error) {
    if (!(error instanceof BadExpression)) throw error;
    throw new Failure(Exit.usage, sentence(`--where cannot be read: ${error.message}`));
  }
}

function sentence(text: string): string {
  return text.endsWith('?') ? text : `${text}.`;
}
