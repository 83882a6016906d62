import type { Repaired } from '../sink/sink.js';
import type { Segment } from '../spool/segment.js';
import { contentColumns, contentOf, eventsOf, FORMULA, type HourContent, hoursOf } from './content.js';
import type { Database } from './database.js';
import { derivedCounts } from './derived.js';
import { quote } from './quote.js';

/** What bringing a segment once more needs of whoever delivers. */
export interface RepairSteps {
  /** A condition: the segment's sequences. */
  readonly among: string;
  /** The events' table, to be read. */
  readonly table: string;
  /** Inserts what is not there. */
  insert(present: number): Promise<void>;
  /** Removes all rows of the segment. */
  remove(): Promise<void>;
  /** Events of the segment's file that are older than the table keeps them. */
  expired(): Promise<number>;
  /** Makes anew what is made of the segment's events. */
  rebuild(): Promise<void>;
  /** Writes the segment into the ledger. */
  enter(content: readonly HourContent[]): Promise<void>;
}

/**
 * Compares the rows of a segment with what they should be, whatever the ledger says, and brings what is absent: events, and rows made of them. Rows that say something else are
 * written again when `replace` is set; they stay otherwise. Rejects when the database cannot be asked.
 */
export async function repairSegment(database: Database, segment: Segment, steps: RepairSteps, replace: boolean): Promise<Repaired> {
  const { record, count } = segment;
  const read = (): Promise<HourContent[]> => contentOf(database, record, steps.among);
  const known = await ledgerContent(database, segment);
  const wanted = (await database.digest?.(segment)) ?? known?.content;
  let content = await read();
  const distinct = Number(await database.text(`SELECT uniqExact(sequence) FROM ${steps.table} WHERE ${steps.among}`));
  const missing = count - distinct;
  const absent = missing > 0 && missing > (await steps.expired()) ? missing : 0;
  const madeBefore = record === 'conn' ? await derivedCounts(database, segment.node, steps.among) : undefined;
  if (absent > 0) {
    await steps.insert(distinct);
    content = await read();
  }
  const changed = eventsOf(content) > count || (wanted !== undefined && differs(content, wanted));
  const replaced = changed && replace;
  if (replaced) {
    await steps.remove();
    await steps.insert(0);
    content = await read();
    if (wanted !== undefined && differs(content, wanted))
      throw new Error(`Segment ${segment.id} was written again, and its rows still say something else.`);
  }
  // The ledger keeps what was delivered, so that a change stays found; what it does not know yet, or what was written again, goes into it.
  if (known === undefined ? !changed || replaced : replaced) await steps.enter(content);
  if (madeBefore === undefined) return { absent, changed, replaced, derived: 0 };
  const should = absent > 0 || replaced ? await derivedCounts(database, segment.node, steps.among) : madeBefore;
  if (absent > 0 || replaced || should.wanted.hash !== madeBefore.found.hash || should.wanted.rows !== madeBefore.found.rows)
    await steps.rebuild();
  // Rows of events that were absent are counted with them.
  const derived = Math.max(0, madeBefore.wanted.rows - madeBefore.found.rows);
  return { absent, changed, replaced, derived };
}

/** What the ledger says of a segment, by the newest formula; undefined: nothing that can be compared. */
async function ledgerContent(
  { text, placement }: Database,
  { node, epoch, record, ranges }: Segment,
): Promise<{ content: HourContent[] } | undefined> {
  const found = await text(
    `SELECT h, e, x, formula FROM ${placement.database}.batches FINAL ARRAY JOIN hours AS h, hour_events AS e, hour_hashes AS x WHERE node = ${quote(node)} AND epoch = ${quote(epoch)} AND record = '${record}' AND first = ${ranges[0]?.first ?? 0n}`,
  );
  const formula = Number(found.split('\n')[0]?.split('\t')[3] ?? 0);
  if (formula === 0) return undefined;
  // Rows are read by the newest formula: where an older one has other columns, nothing can be said.
  const columns = (of: number): string => JSON.stringify(contentColumns(record, of)?.map(({ name }) => name));
  return columns(formula) === columns(FORMULA) ? { content: hoursOf(found) } : undefined;
}

/** Whether rows say something else. Hours with fewer rows have lost some of them to their age: nothing can be said of them. */
function differs(content: readonly HourContent[], wanted: readonly HourContent[]): boolean {
  const should = new Map(wanted.map((one) => [one.hour, one]));
  return content.some(({ hour, events, hash }) => {
    const one = should.get(hour);
    return one === undefined || events > one.events || (events === one.events && hash !== one.hash);
  });
}
