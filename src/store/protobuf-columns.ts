/** How a table's columns are filled from the messages that are its rows. */
export interface ProtobufColumns {
  /** The columns, quoted, in the table's order. */
  readonly names: string;
  /** What ClickHouse's Protobuf reader is to make of each field: `name type, ...`. */
  readonly structure: string;
  /** An expression a column, over `structure`. */
  readonly values: string;
}

/** The columns that an event's message fills, by the table's own description (`name`, `type`, in order): a unit test holds table and message together. */
export function protobufColumns(columns: readonly (readonly [name: string, type: string])[]): ProtobufColumns {
  // The reader takes a fixed64 for a DateTime64's seconds, not for its ticks.
  const time = (type: string): boolean => type.startsWith('DateTime64');
  // A set of bits comes as bytes, the lowest first; none at all is 0.
  const wide = (type: string): boolean => type === 'UInt128';
  return {
    names: columns.map(([name]) => `\`${name}\``).join(', '),
    structure: columns.map(([name, type]) => `\`${name}\` ${time(type) ? 'UInt64' : wide(type) ? 'String' : type}`).join(', '),
    values: columns
      .map(([name, type]) => {
        if (time(type)) return `fromUnixTimestamp64Nano(toInt64(\`${name}\`), 'UTC')`;
        return wide(type) ? `reinterpretAsUInt128(\`${name}\`)` : `\`${name}\``;
      })
      .join(', '),
  };
}

/** The SQL that describes a table of events to {@link protobufColumns}, one JSON array a row (JSONCompactEachRow): what the collector adds itself, and what the table computes, is left out. */
export function describeEventTable(database: string, table: string): string {
  return `SELECT name, type FROM system.columns WHERE database = '${database}' AND table = '${table}' AND name NOT IN ('node', 'epoch') AND default_kind = '' ORDER BY position`;
}
