/** How a table's columns are filled from the messages that are its rows. */
export interface ProtobufColumns {
  /** The columns, quoted, in the table's order. */
  readonly names: string;
  /** What ClickHouse's Protobuf reader is to make of each field: `name type, ...`. */
  readonly structure: string;
  /** An expression a column, over `structure`. */
  readonly values: string;
}

/** Columns that hold a field in another form, which takes less room: `value` is over the fields, `name` what a field is called there. */
const TRANSFORMED: Readonly<
  Record<string, { readonly field: string; readonly type: string; value(name: (field: string) => string): string }>
> = {
  // When a connection was made, as the difference to what time and duration say: no difference, but for steps of the clock. The smallest number: not known.
  created_skew: {
    field: 'created_ns',
    type: 'UInt64',
    value: (name) =>
      `if(${name('created_ns')} = 0, toInt64(${UNKNOWN_SKEW}), toInt64(${name('created_ns')}) - toInt64(${name('time_ns')}) + toInt64(${name('duration_ns')}))`,
  },
};

/** What created_skew is when it is not known when a connection was made. */
export const UNKNOWN_SKEW = '-9223372036854775808';

/** The message's field that a column of an event's table holds. */
export const fieldOf = (column: string): string => TRANSFORMED[column]?.field ?? column;

/**
 * The columns that an event's message fills, by the table's own description (`name`, `type`, in order): a unit test holds table and message together.
 * `from`: what the table of the fields is called where `values` stand.
 */
export function protobufColumns(columns: readonly (readonly [name: string, type: string])[], from?: string): ProtobufColumns {
  const named = (field: string): string => (from === undefined ? `\`${field}\`` : `${from}.\`${field}\``);
  // The reader takes a fixed64 for a DateTime64's seconds, not for its ticks.
  const time = (type: string): boolean => type.startsWith('DateTime64');
  // A set of bits comes as bytes, the lowest first; none at all is 0.
  const wide = (type: string): boolean => type === 'UInt128';
  return {
    names: columns.map(([name]) => `\`${name}\``).join(', '),
    structure: columns
      .map(([name, type]) => `\`${fieldOf(name)}\` ${TRANSFORMED[name]?.type ?? (time(type) ? 'UInt64' : wide(type) ? 'String' : type)}`)
      .join(', '),
    values: columns
      .map(([name, type]) => {
        const other = TRANSFORMED[name];
        if (other !== undefined) return other.value(named);
        if (time(type)) return `fromUnixTimestamp64Nano(toInt64(${named(name)}), 'UTC')`;
        return wide(type) ? `reinterpretAsUInt128(${named(name)})` : named(name);
      })
      .join(', '),
  };
}

/** The SQL that describes a table of events to {@link protobufColumns}, one JSON array a row (JSONCompactEachRow): what the collector adds itself, and what the table computes, is left out. */
export function describeEventTable(database: string, table: string): string {
  return `SELECT name, type FROM system.columns WHERE database = '${database}' AND table = '${table}' AND name NOT IN ('node', 'epoch') AND default_kind = '' ORDER BY position`;
}
