import { addressLiteral, extentOf } from '../report/sql.js';
import type { Place } from '../wire/conn-filter.js';
import type { EventFilter, NumberField, NumberRange, PlaceField } from '../wire/event-filter.js';

/** The tables of events: one for each record type of the log. */
export type EventTable = 'conn_events' | 'control_events';

const PLACES: Readonly<Record<PlaceField, string>> = { client: 'client', virtual_service: 'virtual', real: 'real' };
/** What a change has; a connection has everything but `change`. */
const OF_CHANGES: ReadonlySet<string> = new Set(['virtual_service', 'real', 'change', 'protocol', 'fwmark', 'netns']);
/** Where 0 says that it is not known, or that there is none. */
const ABSENT_AT_ZERO: ReadonlySet<string> = new Set(['reason', 'duration_ns', 'conn_id']);
/** Columns of ClickHouse's enumerations, and its Bool ones: compared as numbers. */
const ENUMERATIONS: ReadonlySet<string> = new Set(['kind', 'reason', 'forward', 'scheduled_by']);
const BOOLEANS: ReadonlySet<string> = new Set(['is_template', 'quiesced']);

/**
 * The condition on a table of events that takes what a filter takes, as the capture applies it (native/wire/event_filter.cc): an event that does not have a field
 * passes no test of it, and passes its negation.
 */
export function filterSql(filter: EventFilter, table: EventTable): string {
  if ('all' in filter) return joined(filter.all, 'AND', table);
  if ('any' in filter) return joined(filter.any, 'OR', table);
  if ('none' in filter) return `NOT ${filterSql(filter.none, table)}`;
  const has = table === 'conn_events' ? filter.field !== 'change' : OF_CHANGES.has(filter.field);
  if (!has) return 'false';
  return 'places' in filter ? placesSql(filter.field, filter.places) : rangesSql(filter.field, filter.ranges);
}

function joined(parts: readonly EventFilter[], word: 'AND' | 'OR', table: EventTable): string {
  return `(${parts.map((part) => filterSql(part, table)).join(` ${word} `) || String(word === 'AND')})`;
}

function placesSql(field: PlaceField, places: readonly Place[]): string {
  const name = PLACES[field];
  const one = ({ address, prefix, port }: Place): string => {
    const [first, last] = extentOf(address, prefix);
    const within = `${name}_addr BETWEEN ${addressLiteral(first)} AND ${addressLiteral(last)}`;
    return port === undefined ? within : `(${within} AND ${name}_port = ${port})`;
  };
  return `(${name}_addr != toIPv6('::') AND (${places.map(one).join(' OR ') || 'false'}))`;
}

function rangesSql(field: NumberField, ranges: readonly NumberRange[]): string {
  const name = field === 'change' ? 'kind' : field;
  const column = field === 'change' || ENUMERATIONS.has(field) ? `CAST(${name}, 'Int8')` : BOOLEANS.has(field) ? `toUInt8(${name})` : name;
  const one = ([first, last]: NumberRange): string => (first === last ? `${column} = ${first}` : `${column} BETWEEN ${first} AND ${last}`);
  const some = `(${ranges.map(one).join(' OR ') || 'false'})`;
  if (field === 'weight') return `(${column} >= 0 AND ${some})`;
  return ABSENT_AT_ZERO.has(field) ? `(${column} != 0 AND ${some})` : some;
}
