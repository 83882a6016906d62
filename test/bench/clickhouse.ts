import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { bodyName, listSegments } from '../../src/spool/layout.js';
import { Engine } from '../../src/store/embedded/engine.js';
import { describeEventTable, protobufColumns } from '../../src/store/protobuf-columns.js';
import { protobufSchema } from '../../src/store/protobuf-schema.js';

export interface OwnRate {
  /** Rows a second of one INSERT of the same bytes, with nothing beside it. */
  readonly rowsPerSecond: number;
  readonly rows: number;
  /** What the collector's tables take on disk. */
  readonly storedBytes: number;
}

/** The bodies of the spool's segments of connection events, one after the other: a Protobuf stream. */
async function joinSegments(spool: string, into: string): Promise<void> {
  const out = createWriteStream(into);
  for (const { id, record, hasBody } of await listSegments(spool)) {
    if (record === 'conn' && hasBody)
      for await (const chunk of createReadStream(join(spool, bodyName(id, record)))) if (!out.write(chunk)) await once(out, 'drain');
  }
  await new Promise<void>((resolve) => out.end(resolve));
}

/** What ClickHouse does with the same bytes when left alone: one INSERT ... SELECT from one file into an equal table, in the store's own engine and on its own disk. */
export async function ownRate(store: string, spool: string, scratch: string): Promise<OwnRate> {
  const file = join(scratch, 'all.pb');
  await joinSegments(spool, file);
  const engine = new Engine({ dir: store, prepare: async () => undefined, sessions: {} });
  try {
    await engine.start();
    const storedBytes = Number(await engine.text("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'vslog'"));
    await engine.write('CREATE DATABASE bench');
    await engine.write('CREATE TABLE bench.events AS vslog.conn_events');
    await engine.write('ALTER TABLE bench.events MODIFY SETTING fsync_after_insert = 0, fsync_part_directory = 0');
    const described = await engine.text(describeEventTable('bench', 'events'), 'JSONCompactEachRow');
    const { names, structure, values } = protobufColumns(described.split('\n').map((line) => JSON.parse(line) as [string, string]));
    const quote = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
    const begin = performance.now();
    await engine.write(
      `INSERT INTO bench.events (node, epoch, ${names}) SELECT 'bench', 'bench', ${values} FROM file(${quote(file)}, 'Protobuf', ${quote(structure)}) SETTINGS max_partitions_per_insert_block = 0, format_schema_source = 'string', format_schema = ${quote(protobufSchema('ConnEvent'))}, format_schema_message_name = 'ConnEvent'`,
    );
    const seconds = (performance.now() - begin) / 1000;
    const rows = Number(await engine.text('SELECT count() FROM bench.events'));
    return { rowsPerSecond: rows / seconds, rows, storedBytes };
  } finally {
    await engine.close();
  }
}
