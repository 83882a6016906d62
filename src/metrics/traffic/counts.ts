import type { SqlStore } from '../../api/sql-store.js';
import { addTo, Figure, type Figures } from './figures.js';
import { OTHER, slotOf } from './identity.js';
import { Ledger, type Window } from './ledger.js';
import type { Roster } from './roster.js';
import { changesSql, countsSql, NOBODY, newestSql, type Scope, strangersSql } from './sql.js';

/** Events of a minute may come so long after it, s: what the capture owes it writes later, with its true time. */
const LATE_S = 600;
/** The base moves in such steps, s. */
const STEP_S = 300;
/** After so long without a base that could be moved, ms, it is moved all the same; after so long without an answer it begins anew. */
const PATIENCE_MS = 3_600_000;
/** How far back changes are looked for at the start, s. */
const HISTORY_S = 30 * 86_400;
/** A query of ours takes at most so long, s. */
const LIMIT_S = 20;

/** What there is to know of the log. */
export interface Source {
  /** The director. */
  readonly node: string;
  /** ipvs, engine, conntrack, ... */
  readonly kind: string;
}

/** Whether the capture can name the virtual services: of other sources there is none but in its events. */
export function isListed({ kind }: Source): boolean {
  return kind === 'ipvs' || kind === 'engine';
}

type Cell = string | number | boolean;

/** The counters: what the store has counted since the collector started. */
export class Counts {
  readonly services = new Ledger();
  readonly servers = new Ledger();
  /** When services and servers were last changed, ms since 1970, by slot. */
  readonly changed = { services: new Map<string, number>(), servers: new Map<string, number>() };
  private readonly store: SqlStore;
  private readonly roster: Roster;
  private node = '';
  /** The first minute that is summed, s since 1970; undefined: nothing was asked yet. */
  private base: number | undefined;
  private newest = 0;
  private heldSince: number | undefined;
  private answeredMs: number | undefined;
  /** The last sequence by epoch; undefined: nothing was asked yet. */
  private seen: Map<string, string> | undefined;
  private seenMs = 0;
  /** Somebody without a series had events in the last window. */
  private strange = false;

  constructor(store: SqlStore, roster: Roster) {
    this.store = store;
    this.roster = roster;
  }

  /** Asks the store for what is new. Rejects with its sentence; then the next call counts what this one did not. */
  async refresh(source: Source, nowMs: number, signal?: AbortSignal): Promise<void> {
    if (source.node !== this.node) this.beginAnew(source.node);
    if (this.answeredMs !== undefined && nowMs - this.answeredMs > PATIENCE_MS) this.base = undefined;
    const { services, servers } = this.roster;
    const scope: Scope = { node: source.node, services, servers, listed: isListed(source), translatedOnly: source.kind === 'conntrack' };
    if (this.strange) await this.strangers(scope, nowMs, signal);
    for (const slot of services.keys()) this.services.open(slot);
    for (const slot of servers.keys()) this.servers.open(slot);
    await this.minutes(scope, nowMs, signal);
    await this.changes(scope, nowMs, signal);
    this.answeredMs = nowMs;
  }

  /** Ends the series of those who have none any more. */
  close(slots: readonly string[]): void {
    for (const slot of slots) {
      this.services.close(slot);
      this.servers.close(slot);
      this.changed.services.delete(slot);
      this.changed.servers.delete(slot);
    }
  }

  /** Another director's log: what was told stays, and its own counts come on top. */
  private beginAnew(node: string): void {
    this.node = node;
    this.base = undefined;
    this.seen = undefined;
  }

  private async ask(sql: string, signal: AbortSignal | undefined): Promise<Cell[][]> {
    const bytes = await this.store.query(sql, {
      format: 'JSONCompact',
      limits: { seconds: LIMIT_S },
      ...(signal === undefined ? {} : { signal }),
    });
    return (JSON.parse(Buffer.from(bytes).toString('utf8')) as { data: Cell[][] }).data;
  }

  /** Removed servers whose connections live on, and whatever a source without a list of services has. */
  private async strangers(scope: Scope, nowMs: number, signal: AbortSignal | undefined): Promise<void> {
    const room = this.roster.limit - this.roster.servers.size;
    if (room <= 0) return;
    const since = this.base ?? minuteOf(nowMs) - LATE_S;
    for (const [vsId = '', rsId = '', vs = '', rs = ''] of (await this.ask(strangersSql(scope, since, room), signal)) as string[][]) {
      if (!scope.listed) this.roster.discover({ id: vsId, slot: slotOf(vsId), vs }, nowMs);
      const service = this.roster.services.get(slotOf(vsId));
      if (service !== undefined) this.roster.discover({ id: rsId, slot: slotOf(rsId), vs: service.vs, rs: withPort(rs, rsId) }, nowMs);
    }
  }

  private async minutes(scope: Scope, nowMs: number, signal: AbortSignal | undefined): Promise<void> {
    const begins = this.base === undefined;
    if (begins) {
      const [[newest = 0] = []] = await this.ask(newestSql(scope.node, minuteOf(nowMs)), signal);
      this.newest = Number(newest);
    }
    const now = minuteOf(nowMs);
    // Nothing is older than what the store got last: it may be behind.
    const wanted = (this.newest === 0 ? now - 7 * 86_400 : Math.min(this.newest, now)) - LATE_S;
    const base = this.base ?? wanted;
    const moves = this.newest !== 0 && (wanted >= base + STEP_S || wanted < base - LATE_S);
    const next = moves ? wanted : base;
    const windows = { vs: new Map<string, Window>(), rs: new Map<string, Window>() };
    for (const row of await this.ask(countsSql(scope, base, next), signal)) {
      const [vsSlot, rsSlot, counted, kept, newest, creates, drops, fails, lived, cells, ends] = row as MinuteRow;
      const figures = figuresOf([creates, drops, fails, lived], cells, ends);
      this.newest = Math.max(this.newest, Math.min(Number(newest), now));
      gather(windows.vs, vsSlot, figures, Number(counted) === 1, Number(kept) === 1);
      if (rsSlot !== NOBODY) gather(windows.rs, rsSlot, figures, Number(counted) === 1, Number(kept) === 1);
      // Who had events when the store's news end is not gone.
      if (Number(newest) >= this.newest - 120) for (const slot of [vsSlot, rsSlot]) this.roster.touch(slot, nowMs);
    }
    this.strange = windows.rs.has(OTHER);
    const fell = [this.services.take(windows.vs, begins), this.servers.take(windows.rs, begins)].includes(true);
    // The store makes minutes anew after a crash: until then it has less of them, and nothing is to be concluded from that.
    const patient = this.heldSince === undefined || nowMs - this.heldSince <= PATIENCE_MS;
    this.heldSince = fell ? (this.heldSince ?? nowMs) : undefined;
    this.base = base;
    if (!moves || (fell && patient)) return;
    this.services.move(windows.vs);
    this.servers.move(windows.rs);
    this.base = next;
    this.heldSince = undefined;
  }

  private async changes(scope: Scope, nowMs: number, signal: AbortSignal | undefined): Promise<void> {
    const first = this.seen === undefined;
    // Whose history would it be?
    if (first && this.roster.services.size === 0) return;
    // A record may be delivered late: what is known already is told apart by its sequence.
    const since = first ? Math.floor(nowMs / 1000) - HISTORY_S : Math.floor(this.seenMs / 1000) - 86_400;
    const seen = new Map(this.seen);
    for (const row of await this.ask(changesSql(scope, { seen, since }), signal)) {
      const [vsSlot, rsSlot, epoch, sequence, changedMs, changes, withdrawals, overloads] = row as ChangeRow;
      if (BigInt(sequence) > BigInt(this.seen?.get(epoch) ?? 0)) this.seen = new Map(this.seen).set(epoch, sequence);
      for (const [slot, ledger, changed] of [
        [vsSlot, this.services, this.changed.services],
        [rsSlot, this.servers, this.changed.servers],
      ] as const) {
        if (slot === NOBODY) continue;
        if (Number(changedMs) > (changed.get(slot) ?? 0)) changed.set(slot, Number(changedMs));
        // What was before the collector began is a time, and no count.
        if (first) continue;
        ledger.add(slot, Figure.changes, Number(changes));
        ledger.add(slot, Figure.withdrawals, Number(withdrawals));
        ledger.add(slot, Figure.overloads, Number(overloads));
      }
    }
    this.seen ??= new Map();
    this.seenMs = nowMs;
  }
}

type MinuteRow = [string, string, Cell, Cell, Cell, Cell, Cell, Cell, Cell, number[], Cell[]];
type ChangeRow = [string, string, string, string, Cell, Cell, Cell, Cell];

/** The start of the minute, s since 1970. */
function minuteOf(ms: number): number {
  return Math.floor(ms / 60_000) * 60;
}

function figuresOf(counts: readonly Cell[], cells: readonly number[], ends: readonly Cell[]): Figures {
  const figures: Figures = new Map();
  for (const [figure, count] of counts.entries()) addTo(figures, figure, Number(count));
  for (const [i, cell] of cells.entries()) addTo(figures, cell, Number(ends[i]));
  return figures;
}

function gather(windows: Map<string, Window>, slot: string, figures: Figures, counted: boolean, kept: boolean): void {
  const window = windows.get(slot) ?? { all: new Map(), rest: new Map() };
  windows.set(slot, window);
  for (const [figure, count] of figures) {
    if (counted) addTo(window.all, figure, count);
    if (kept) addTo(window.rest, figure, count);
  }
}

/** The text of a real server with the port of its identity, which is 0 where it takes every port. */
function withPort(text: string, id: string): string {
  return text.replace(/:\d+$/, `:${id.slice(id.lastIndexOf('-') + 1)}`);
}
