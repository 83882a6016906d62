import type { Segment } from '../../spool/segment.js';
import type { Column } from '../columns.js';
import { contentColumns, HOUR_SQL, hoursOf, rowHash, rowsOfBytes } from '../content.js';
import type { Database } from '../database.js';
import { HOME } from '../ddl.js';
import { protobufColumns } from '../protobuf-columns.js';
import { protobufSchema } from '../protobuf-schema.js';
import { quote } from '../quote.js';
import type { Engine } from './engine.js';

/** The embedded engine, which reads a segment's file itself. It must have been started. */
export function embeddedDatabase(engine: Engine): Database {
  return {
    placement: HOME,
    // An engine that does not answer is ended, and one that has died does nothing more.
    mayLinger: false,
    text: (sql, format) => engine.text(sql, format),
    write: (sql) => engine.write(sql),
    async digest(segment) {
      const { source, settings, columns } = bytesOf(segment);
      return hoursOf(
        await engine.text(
          `SELECT ${HOUR_SQL} AS h, count(), sumWithOverflow(${rowHash(columns)}) FROM ${source} GROUP BY h ORDER BY h SETTINGS ${assigned(settings)}`,
        ),
      );
    },
    async insert({ into, select, structure, where, settings }, { path }) {
      await engine.write(
        `${into} SELECT ${select} FROM file(${quote(path)}, 'Protobuf', ${quote(structure)})${where} SETTINGS ${assigned(settings)}`,
      );
    },
  };
}

/** A segment's file as rows of its table. */
function bytesOf(segment: Segment): { source: string; settings: Readonly<Record<string, string>>; columns: readonly Column[] } {
  const { record, path } = segment;
  const columns = contentColumns(record) ?? [];
  const fields = columns.filter(({ name }) => name !== 'node' && name !== 'epoch').map(({ name, type }) => [name, type] as const);
  const message = record === 'conn' ? 'ConnEvent' : 'ControlEvent';
  return {
    columns,
    source: rowsOfBytes(segment, `file(${quote(path)}, 'Protobuf', ${quote(protobufColumns(fields).structure)})`),
    settings: { format_schema_source: 'string', format_schema: protobufSchema(message), format_schema_message_name: message },
  };
}

function assigned(settings: Readonly<Record<string, string | number>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${typeof value === 'number' ? value : quote(value)}`)
    .join(', ');
}
