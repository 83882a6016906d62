import { SinkRejection } from '../../sink/sink.js';
import type { Segment } from '../../spool/segment.js';
import { describeEventTable, protobufColumns } from '../protobuf-columns.js';
import { protobufSchema } from '../protobuf-schema.js';
import type { Engine } from './engine.js';
import { EngineError } from './errors.js';
import { quote } from './quote.js';

/** ClickHouse's codes for a file that is no such Protobuf stream: CANNOT_READ_ALL_DATA, ATTEMPT_TO_READ_AFTER_EOF, INCORRECT_DATA, TOO_LARGE_STRING_SIZE, CANNOT_PARSE_*, UNKNOWN_PROTOBUF_FORMAT. */
const CONTENT = new Set([6, 26, 27, 32, 33, 117, 131, 434, 441, 443, 444]);

interface Table {
  readonly name: string;
  readonly insert: string;
  readonly from: string;
  readonly settings: string;
}

/**
 * Puts segments into the tables, each exactly once. The ledger says which are there; it is written last, so a segment that it lacks may be there in part
 * (the engine died within it): then only what is absent goes in, and the connections are made from the events once more, which replaces them by themselves.
 * This does not lean on the engine's deduplication of blocks: an insert over midnight is several parts, and a materialized view's table is yet another.
 */
export class SegmentWriter {
  readonly #engine: Engine;
  readonly #tables = new Map<string, Promise<Table>>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Resolves to false when all of it was there already. */
  async deliver(segment: Segment): Promise<boolean> {
    const table = await this.#table(segment);
    const among = rangesOf(segment);
    const one = `node = ${quote(segment.node)} AND epoch = ${quote(segment.epoch)}`;
    const firsts = segment.ranges.map(({ first }) => first).join(', ');
    const found = await this.#engine.text(
      `SELECT (SELECT count() FROM vslog.batches FINAL WHERE ${one} AND record = '${segment.record}' AND sha256 = ${quote(segment.sha256)} AND first IN (${firsts})), (SELECT count() FROM ${table.name} WHERE ${one} AND ${among})`,
    );
    const [ledger = 0, present = 0] = found.split('\t').map(Number);
    if (ledger === segment.ranges.length && segment.ranges.length > 0) return false;
    if (present !== segment.count) {
      const absent = present === 0 ? '' : ` WHERE sequence NOT IN (SELECT sequence FROM ${table.name} WHERE ${one} AND ${among})`;
      await this.#insert(segment, table, absent);
    }
    if (present !== 0 && segment.record === 'conn') await this.#feedConnections(`${one} AND ${among}`);
    await this.#check(segment, table, `${one} AND ${among}`);
    const rows = segment.ranges.map(
      ({ first, last }) =>
        `(${quote(segment.node)}, ${quote(segment.epoch)}, '${segment.record}', ${segment.id}, ${first}, ${last}, ${last - first + 1n}, ${quote(segment.sha256)})`,
    );
    await this.#engine.write(
      `INSERT INTO vslog.batches (node, epoch, record, segment, first, last, count, sha256) SETTINGS async_insert = 0 VALUES ${rows.join(', ')}`,
    );
    return true;
  }

  async #insert(segment: Segment, table: Table, where: string): Promise<void> {
    const constants = `${quote(segment.node)}, ${quote(segment.epoch)}`;
    const from = table.from.replace("'PATH'", () => quote(segment.path));
    const sql = `${table.insert} SELECT ${constants}, ${from}${where} ${table.settings}`;
    try {
      await this.#engine.write(sql);
    } catch (error) {
      if (error instanceof EngineError && CONTENT.has(error.code))
        throw new SinkRejection(`Segment ${segment.id} cannot be read as ${segment.record} events: ${error.message}`);
      throw error;
    }
  }

  /** Runs the materialized view's own statement over what is in the table. */
  async #feedConnections(among: string): Promise<void> {
    const shown = await this.#engine.text(
      "SELECT as_select FROM system.tables WHERE database = 'vslog' AND name = 'connections_feed'",
      'JSONCompactEachRow',
    );
    const [select] = JSON.parse(shown) as [string];
    const names = await this.#engine.text(
      "SELECT arrayStringConcat(groupArray(name), ', ') FROM (SELECT name FROM system.columns WHERE database = 'vslog' AND table = 'connections_feed' ORDER BY position)",
    );
    await this.#engine.write(`INSERT INTO vslog.connections_data (${names}) ${select} AND ${among} SETTINGS async_insert = 0`);
  }

  /** As many rows as the segment has events, but for those that are older than the table keeps them. */
  async #check(segment: Segment, table: Table, among: string): Promise<void> {
    const rows = async (): Promise<number> => Number(await this.#engine.text(`SELECT count() FROM ${table.name} WHERE ${among}`));
    const present = await rows();
    if (present === segment.count) return;
    const from = table.from.slice(table.from.indexOf(' FROM ')).replace("'PATH'", () => quote(segment.path));
    const counted = await this.#engine.text(
      `SELECT count(), countIf(${rangesOf(segment)}), countIf(time_ns < toUInt64(toUnixTimestamp(now() - INTERVAL 90 DAY)) * 1000000000)${from} ${table.settings}`,
    );
    const [all = 0, inRanges = 0, expired = 0] = counted.split('\t').map(Number);
    if (all === segment.count && inRanges === segment.count && present < all && all - present <= expired) return;
    if (all !== segment.count || inRanges !== segment.count) {
      await this.#engine.write(`DELETE FROM ${table.name} WHERE ${among}`);
      throw new SinkRejection(
        `Segment ${segment.id} says that it has ${segment.count} events, but its file has ${all}, ${inRanges} of them with its sequences.`,
      );
    }
    throw new Error(`The store has ${present} of the ${segment.count} events of segment ${segment.id}; it is delivered again.`);
  }

  #table(segment: Segment): Promise<Table> {
    const known = this.#tables.get(segment.record);
    if (known !== undefined) return known;
    const making = this.#describe(
      segment.record === 'conn' ? 'conn_events' : 'control_events',
      segment.record === 'conn' ? 'ConnEvent' : 'ControlEvent',
    );
    this.#tables.set(segment.record, making);
    making.catch(() => this.#tables.delete(segment.record));
    return making;
  }

  /** The statement's parts by the table's own columns, which are the message's fields: a unit test holds the two together. */
  async #describe(name: string, message: string): Promise<Table> {
    const described = await this.#engine.text(describeEventTable('vslog', name), 'JSONCompactEachRow');
    const { names, structure, values } = protobufColumns(described.split('\n').map((line) => JSON.parse(line) as [string, string]));
    return {
      name: `vslog.${name}`,
      insert: `INSERT INTO vslog.${name} (node, epoch, ${names})`,
      from: `${values} FROM file('PATH', 'Protobuf', ${quote(structure)})`,
      // The view's table replaces rows when it merges and when it is read; doing so within the insert, and after the events' own, doubles its time.
      settings: `SETTINGS async_insert = 0, max_insert_threads = 1, optimize_on_insert = 0, parallel_view_processing = 1, max_partitions_per_insert_block = 0, format_schema_source = 'string', format_schema = ${quote(protobufSchema(message))}, format_schema_message_name = '${message}'`,
    };
  }
}

function rangesOf(segment: Segment): string {
  return `(${segment.ranges.map(({ first, last }) => `sequence BETWEEN ${first} AND ${last}`).join(' OR ')})`;
}
