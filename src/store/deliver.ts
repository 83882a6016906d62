import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Repaired, SinkRejection } from '../sink/sink.js';
import { scanEvents } from '../spool/scan.js';
import type { Segment } from '../spool/segment.js';
import { columnsOf } from './columns.js';
import { contentAndDays, contentLiterals, eventsOf, FORMULA, type HourContent } from './content.js';
import type { Database, SegmentInsert } from './database.js';
import { storage } from './ddl.js';
import { discardEvents, rebuildDerived, sweepEnded } from './derived.js';
import { EngineError } from './errors.js';
import { KeptDays } from './kept-days.js';
import { loadMigrations } from './migrate.js';
import { protobufColumns } from './protobuf-columns.js';
import { protobufSchema } from './protobuf-schema.js';
import { quote } from './quote.js';
import { repairSegment } from './repair.js';

/** ClickHouse's codes for a file that is no such Protobuf stream: CANNOT_PARSE_TEXT, CANNOT_PARSE_QUOTED_STRING, CANNOT_PARSE_INPUT_ASSERTION_FAILED, ATTEMPT_TO_READ_AFTER_EOF, CANNOT_READ_ALL_DATA, INCORRECT_DATA, TOO_LARGE_STRING_SIZE, UNKNOWN_PROTOBUF_FORMAT, CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING. */
const CONTENT = new Set([6, 26, 27, 32, 33, 117, 131, 434, 441, 443, 444]);
/** How many events, and how much time, ms, there must be between two looks for connections that are open no more. */
const SWEEP_EVENTS = 100_000;
const SWEEP_MS = 30_000;
/** How often a cluster, whose replicas may lag, is looked at before its count is believed, and how long between, ms. */
const LOOKS = 20;
const LOOK_MS = 250;

interface Table {
  /** What is read from and inserted into. */
  readonly name: string;
  /** What rows are removed from. */
  readonly stored: { readonly name: string; readonly on: string };
  readonly insert: Pick<SegmentInsert, 'into' | 'select' | 'structure' | 'settings'>;
}

/**
 * Puts segments into the tables, each exactly once. The ledger says which are there; it is written last, so a segment that it lacks may be there in part
 * (the engine died within it): then only what is absent goes in, and what the materialized views make of it is made anew. So it is with the first segment after a start.
 * This does not lean on the engine's deduplication of blocks: an insert over midnight is several parts, and a materialized view's table is yet another.
 */
export class SegmentWriter {
  private readonly database: Database;
  private readonly tables: Readonly<Record<Segment['record'], Table>>;

  private readonly keptMs: number;
  private readonly now: () => number;
  private readonly days: KeptDays;
  /** A delivery, perhaps of an earlier process, may have been broken off: of its inserts any may have been carried out, those of the views without the events' own. */
  private doubtful = true;

  /** Events since the last look for connections that are open no more, and when that was. */
  private unswept = 0;
  private swept = 0;

  /** `keptMs`: how long the store keeps events of connections, ms. `now`: the believed time, ms since 1970. */
  constructor(database: Database, keptMs: number, now: () => number) {
    this.database = database;
    this.keptMs = keptMs;
    this.now = now;
    this.days = new KeptDays(database, now);
    this.tables = { conn: tableOf(database, 'conn_events', 'ConnEvent'), control: tableOf(database, 'control_events', 'ControlEvent') };
  }

  /** Since when the store has events of connections, seconds since 1970. */
  private keptSince(): number {
    return (this.now() - this.keptMs) / 1000;
  }

  /** Resolves to false when all of it was there already. `suspect`: the tables were damaged, so that any may have what another lacks. */
  async deliver(segment: Segment, suspect = false): Promise<boolean> {
    const table = this.tables[segment.record];
    const ledger = `${this.database.placement.database}.batches`;
    const one = `node = ${quote(segment.node)} AND epoch = ${quote(segment.epoch)}`;
    const among = this.among(segment);
    const firsts = segment.ranges.map(({ first }) => first).join(', ');
    const found = await this.database.text(
      `SELECT (SELECT count() FROM ${ledger} FINAL WHERE ${one} AND record = '${segment.record}' AND sha256 = ${quote(segment.sha256)} AND first IN (${firsts})), (SELECT count() FROM ${table.name} WHERE ${among})`,
    );
    const [batches = 0, present = 0] = found.split('\t').map(Number);
    if (batches === segment.ranges.length && segment.ranges.length > 0) return false;
    const doubtful = present !== 0 || this.doubtful || suspect;
    if (segment.record === 'conn') this.doubtful = true;
    if (present !== segment.count) await this.insert(segment, table, present);
    const content = await this.check(segment, table, among);
    if (doubtful && segment.record === 'conn') await rebuildDerived(this.database, segment.node, among, this.keptSince());
    await this.enter(segment, content);
    if (segment.record === 'conn') {
      this.doubtful = false;
      await this.sweep(segment);
    }
    return true;
  }

  /**
   * Compares the rows of a segment with what they should be, whatever the ledger says, and brings what is absent of it and of what is made of it. `replace`: rows that say something
   * else are written again.
   */
  repair(segment: Segment, replace: boolean): Promise<Repaired> {
    const table = this.tables[segment.record];
    const among = this.among(segment);
    // Rows that somebody removed are the same insert to a cluster as those that it had: so this is another one.
    const token = `repair ${Date.now()}`;
    return repairSegment(
      this.database,
      segment,
      {
        ...{ among, table: table.name },
        insert: (present) => this.insert(segment, table, present, token),
        remove: async () => void (await this.database.write(`DELETE FROM ${table.stored.name}${table.stored.on} WHERE ${among}`)),
        expired: () => olderThan(segment, this.keptSince()),
        rebuild: () => rebuildDerived(this.database, segment.node, among, this.keptSince()),
        enter: (content) => this.enter(segment, content),
      },
      replace,
    );
  }

  /** A condition: the events of a segment. */
  private among(segment: Segment): string {
    return `node = ${quote(segment.node)} AND epoch = ${quote(segment.epoch)} AND ${rangesOf(segment)}`;
  }

  /** Writes a segment into the ledger, with what its rows say. */
  private async enter(segment: Segment, content: readonly HourContent[]): Promise<void> {
    const { node, epoch, record, id, sha256 } = segment;
    // All of it stands beside the first batch, so that it is written at once.
    const rows = segment.ranges.map(
      ({ first, last }, i) =>
        `(${quote(node)}, ${quote(epoch)}, '${record}', ${id}, ${first}, ${last}, ${last - first + 1n}, ${quote(sha256)}, ${FORMULA}, ${contentLiterals(i === 0 ? content : [])})`,
    );
    await this.database.write(
      `INSERT INTO ${this.database.placement.database}.batches (node, epoch, record, segment, first, last, count, sha256, formula, hours, hour_events, hour_hashes) SETTINGS async_insert = 0 VALUES ${rows.join(', ')}`,
    );
  }

  /** Now and then, so that the table of open connections stays small. */
  private async sweep({ node, count }: Segment): Promise<void> {
    this.unswept += count;
    if (this.unswept < SWEEP_EVENTS || performance.now() - this.swept < SWEEP_MS) return;
    await sweepEnded(this.database, node);
    this.unswept = 0;
    this.swept = performance.now();
  }

  /**
   * Inserts what is not there. A server's insert looks for itself even when nothing was there a moment ago: an earlier attempt whose answer never came may
   * have been carried out since. Two of them at one time are the database's to prevent. On a cluster it may ask a replica that lags: there the token keeps out what
   * another replica has already.
   */
  private async insert(segment: Segment, table: Table, present: number, salt = ''): Promise<void> {
    const { node, epoch, ranges } = segment;
    const [first, last] = [ranges[0]?.first ?? 0n, ranges.at(-1)?.last ?? 0n];
    const there = `SELECT sequence FROM ${table.name} WHERE node = ${quote(node)} AND epoch = ${quote(epoch)} AND sequence BETWEEN ${first} AND ${last}`;
    const where = present > 0 || this.database.mayLinger ? ` WHERE sequence NOT IN (${there})` : '';
    const select = `${quote(node)}, ${quote(epoch)}, ${table.insert.select}`;
    const token = createHash('sha256')
      .update([node, epoch, segment.record, first, last, segment.sha256, ...(salt === '' ? [] : [salt])].join('\n'))
      .digest('hex');
    try {
      await this.database.insert({ ...table.insert, select, where, token }, segment);
    } catch (error) {
      if (error instanceof EngineError && CONTENT.has(error.code))
        throw new SinkRejection(`Segment ${segment.id} cannot be read as ${segment.record} events: ${error.message}`);
      throw error;
    }
  }

  /** As many rows as the segment has events. Resolves to what they say; and which days they are of is kept, so that they are kept from now on. */
  private async check(segment: Segment, table: Table, among: string): Promise<HourContent[]> {
    const read = async (): Promise<HourContent[]> => {
      const found = await contentAndDays(this.database, segment.record, among);
      await this.days.arrived(found.days);
      return found.content;
    };
    let content = await read();
    let present = eventsOf(content);
    if (present === segment.count) return content;
    const { all, inRanges } = await examine(segment);
    if (all !== segment.count || inRanges !== segment.count) {
      if (segment.record === 'conn') await discardEvents(this.database, segment.node, among, this.keptSince());
      else await this.database.write(`DELETE FROM ${table.stored.name}${table.stored.on} WHERE ${among}`);
      throw new SinkRejection(
        `Segment ${segment.id} says that it has ${segment.count} events, but its file has ${all}, ${inRanges} of them with its sequences.`,
      );
    }
    const clustered = this.database.placement.cluster !== undefined;
    for (let look = 1; clustered && present !== all && look < LOOKS; look++) {
      await sleep(LOOK_MS);
      content = await read();
      present = eventsOf(content);
    }
    if (present === all) return content;
    // Rows that somebody removed are the same insert to ClickHouse as those that it had.
    const hint = clustered ? ' Where rows were removed by hand, replicated_deduplication_window_seconds must pass before.' : '';
    throw new Error(`The store has ${present} of the ${segment.count} events of segment ${segment.id}; it is delivered again.${hint}`);
  }
}

/** What a segment's file has: its events, and those with sequences of the segment. */
async function examine({ path, ranges }: Segment): Promise<{ all: number; inRanges: number }> {
  const found = { all: 0, inRanges: 0 };
  const spans = ranges.map(({ first, last }) => [Number(first), Number(last)] as const);
  await scanEvents(path, (sequence) => {
    found.all++;
    if (spans.some(([first, last]) => sequence >= first && sequence <= last)) found.inRanges++;
  });
  return found;
}

/** Events of a segment that are older than `since`, s since 1970, by their own time. */
async function olderThan({ path }: Segment, since: number): Promise<number> {
  let count = 0;
  await scanEvents(path, (_sequence, seconds) => {
    if (seconds < since) count++;
  });
  return count;
}

/** The parts of the insert, by the columns that the migrations make, which are the message's fields: a unit test holds the two together. */
function tableOf({ placement }: Database, name: string, message: string): Table {
  const columns = columnsOf(loadMigrations(), name).filter(
    (column) => !column.computed && column.name !== 'node' && column.name !== 'epoch',
  );
  const { names, structure, values } = protobufColumns(columns.map((column) => [column.name, column.type]));
  const table = `${placement.database}.${name}`;
  return {
    name: table,
    stored: storage(placement, name),
    insert: {
      into: `INSERT INTO ${table} (node, epoch, ${names})`,
      select: values,
      structure,
      settings: {
        async_insert: 0,
        max_insert_threads: 1,
        // A view's table merges rows when it merges and when it is read; doing so within the insert, and after the events' own, doubles its time.
        optimize_on_insert: 0,
        parallel_view_processing: 1,
        max_partitions_per_insert_block: 0,
        format_schema_source: 'string',
        format_schema: protobufSchema(message),
        format_schema_message_name: message,
      },
    },
  };
}

function rangesOf(segment: Segment): string {
  return `(${segment.ranges.map(({ first, last }) => `sequence BETWEEN ${first} AND ${last}`).join(' OR ')})`;
}
