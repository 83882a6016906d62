import type { SqlStore } from '../../api/sql-store.js';
import type { MetricsAccount } from '../../api/status.js';
import type { VirtualService } from '../../wire/administration.js';
import { sentenceOf } from '../../wire/errors.js';
import { othersText } from '../others.js';
import { labelText, Metric } from '../text-format.js';
import { Counts, isListed, type Source } from './counts.js';
import { expositionOf } from './exposition.js';
import { levelsOf } from './levels.js';
import { Roster } from './roster.js';

/** What was asked less than this ago, ms, is not asked again: two Prometheus cost as much as one. */
const FRESH_MS = 2000;
/** A scrape waits at most so long for newer figures, ms, and then tells those that there are. */
const WAIT_MS = 250;
/** The balancer's list is told at most so long, ms. */
const STALE_MS = 60_000;
/** Once somebody has asked, the store is asked at least so often, ms, so that what must be summed stays little. */
const KEEP_UP_MS = 300_000;
/** The store is given up after so long, ms. */
const STORE_MS = 30_000;

export interface TrafficOptions {
  /** So many virtual services, and so many real servers, have series of their own. */
  readonly limit: number;
  /** The balancer's virtual services now. Rejects with a sentence. */
  readonly list: () => Promise<VirtualService[]>;
  /** Undefined: nothing is counted. */
  readonly store: SqlStore | undefined;
  /** Takes a sentence for the collector's operator. */
  readonly note: (line: string) => void;
  /** How long a scrape waits for newer figures, ms. Default 250. */
  readonly waitMs?: number;
  /** ms since 1970. Default: the system's clock. */
  readonly now?: () => number;
}

/** Something that is asked for figures: when it last answered, and whether it answered when it was asked last. */
interface Part {
  readonly name: 'balancer' | 'store';
  answeredMs?: number;
  up?: boolean;
}

/** The series of virtual services and real servers. Nothing is asked before the first scrape; from then on events are counted. */
export class Traffic {
  private readonly options: TrafficOptions;
  private readonly roster: Roster;
  private readonly counts: Counts | undefined;
  private readonly balancer: Part = { name: 'balancer' };
  private readonly stored: Part = { name: 'store' };
  private readonly now: () => number;
  /** As the balancer said last. */
  private levels: ReturnType<typeof levelsOf> | undefined;
  private running: Promise<void> | undefined;
  private refreshedMs = Number.NEGATIVE_INFINITY;
  private timer: NodeJS.Timeout | undefined;
  private source: Source = { node: '', kind: '' };
  private warned = false;
  private stopped = false;

  constructor(options: TrafficOptions) {
    this.options = options;
    this.roster = new Roster(options.limit);
    this.counts = options.store === undefined ? undefined : new Counts(options.store, this.roster);
    this.now = options.now ?? Date.now;
  }

  /** The series in Prometheus's text format: as they are now, or as they were last, when balancer or store take too long. Never rejects. */
  async exposition(source: Source): Promise<string> {
    this.source = source;
    this.timer ??= setInterval(() => void this.refresh(), KEEP_UP_MS).unref();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.options.waitMs ?? WAIT_MS);
    });
    await Promise.race([this.refresh(), late]);
    clearTimeout(timer);
    return this.text();
  }

  /** Undefined before the first scrape. */
  account(): MetricsAccount | undefined {
    return this.timer === undefined ? undefined : { limit: this.options.limit, ...this.roster.ranks() };
  }

  stop(): void {
    this.stopped = true;
    clearInterval(this.timer);
  }

  /** One at a time: who comes meanwhile waits for the same. */
  private refresh(): Promise<void> {
    if (this.running !== undefined) return this.running;
    if (this.stopped || this.now() - this.refreshedMs < FRESH_MS) return Promise.resolve();
    this.running = this.askAll().finally(() => {
      this.running = undefined;
      this.refreshedMs = this.now();
    });
    return this.running;
  }

  private async askAll(): Promise<void> {
    const { list } = this.options;
    if (isListed(this.source))
      await this.ask(this.balancer, async () => {
        const services = await list();
        this.roster.observe(services, this.now());
        this.levels = levelsOf(services, this.roster);
      });
    this.warn();
    const { counts, source } = this;
    // Without a session with the capture nobody knows whose log it is.
    if (counts !== undefined && source.node !== '')
      await this.ask(this.stored, () => counts.refresh(source, this.now(), AbortSignal.timeout(STORE_MS)));
    // Also where no store is asked, or none answers: the places of those who went are for others.
    const gone = this.roster.retire(this.now());
    counts?.close(gone);
  }

  private async ask(part: Part, action: () => Promise<void>): Promise<void> {
    try {
      await action();
      part.answeredMs = this.now();
      part.up = true;
    } catch (error) {
      if (part.up !== false && !this.stopped) this.options.note(`metrics: the ${part.name} does not answer: ${sentenceOf(error)}`);
      part.up = false;
    }
  }

  /** Once: it stands in the metrics and in the status, too. */
  private warn(): void {
    const { limit, note } = this.options;
    const sentence = othersText({ limit, ...this.roster.ranks() });
    if (sentence === undefined || this.warned) return;
    this.warned = true;
    note(`metrics: ${sentence}`);
  }

  private text(): string {
    const { balancer, stored, counts, roster } = this;
    const now = this.now();
    const known = balancer.answeredMs !== undefined && now - balancer.answeredMs < STALE_MS && balancer.up === true;
    const levels = known ? this.levels : undefined;
    const kind = (of: 'services' | 'servers') => ({
      members: roster[of],
      levels: levels?.[of],
      ledger: counts?.[of],
      changed: counts?.changed[of] ?? new Map<string, number>(),
    });
    const up = new Metric('vslog_traffic_up', 'gauge', '1: the balancer (levels) or the store (counts) answered when it was asked last.');
    const age = new Metric('vslog_traffic_age_seconds', 'gauge', 'Age of the figures of balancer and store.');
    for (const part of [balancer, stored]) {
      const labels = labelText({ part: part.name });
      if (part.up !== undefined) up.sample(labels, part.up ? 1 : 0);
      if (part.answeredMs !== undefined) age.sample(labels, Math.max(0, now - part.answeredMs) / 1000);
    }
    const ranks = roster.ranks();
    const own = new Metric('vslog_traffic_series', 'gauge', 'Virtual services (vs) and real servers (rs) that have series of their own.');
    const other = new Metric(
      'vslog_traffic_other',
      'gauge',
      'Virtual services (vs) and real servers (rs) of the balancer that are counted together as "other": metrics.series is the limit.',
    );
    for (const [name, { own: mine, other: others }] of [
      ['vs', ranks.services],
      ['rs', ranks.servers],
    ] as const) {
      own.sample(labelText({ kind: name }), mine);
      other.sample(labelText({ kind: name }), others);
    }
    return [up, age, own, other, expositionOf('vs', kind('services')), expositionOf('rs', kind('servers'))].join('');
  }
}
