import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HttpAnswer } from '../../clickhouse-http/backend.js';
import { endingStatement, intoFile } from '../../clickhouse-http/session.js';
import { AnswerTooLarge, EngineEnded, QueryOutlived } from '../errors.js';
import { readingStatement } from '../read-only.js';
import type { Answers } from './answers.js';
import type { Engine } from './engine.js';
import { Offenders } from './offenders.js';
import { Overruns } from './overruns.js';
import { Turns } from './turns.js';

/** People's queries at one time. */
export const MOST_AT_ONCE = 4;
/** And so many more that wait for their turn. */
const MOST_WAITING = 64;
/** Time between two looks for queries that do not end, ms. */
const LOOK_MS = 500;
/** So often a query is run again that ended because of another one. */
const MOST_AGAIN = 2;
/** How long the engine may take to read a statement and write it anew, ms; the query's own limit begins after that. */
const FORMAT_MS = 30_000;
/** How long such a query waits for the engine at most, ms. */
const LONGEST_WAIT_MS = 5000;

/** Name of the session that writes statements anew for the query in a place, and of the one that ends queries. */
export const formatter = (place: number): string => `formatter-${place}`;
export const CONTROL = 'control';

export interface PersonQuery {
  readonly sql: string;
  readonly format: string;
  readonly formatFixed?: boolean | undefined;
  /** Run first, in the query's own session, by the id that its log_comment must be. */
  readonly statements: (id: string) => readonly string[];
  /** Its limit, s. */
  readonly seconds: number;
}

/** Runs people's queries: so many at a time, each within its limits. One that does not end takes the engine with it; the others are run again. */
export class Queries {
  private readonly engine: Engine;
  private readonly answers: Answers;
  private readonly ready: (signal?: AbortSignal) => Promise<void>;
  /** What each may take times how many run is what all may take. */
  private readonly turns = new Turns(MOST_AT_ONCE, MOST_WAITING);
  private readonly overruns = new Overruns();
  private readonly offenders = new Offenders();
  private watch: ReturnType<typeof setInterval> | undefined;
  private running = 0;

  /** `ready` resolves when a query may begin. */
  constructor(engine: Engine, answers: Answers, ready: (signal?: AbortSignal) => Promise<void>) {
    this.engine = engine;
    this.answers = answers;
    this.ready = ready;
  }

  /** The answer, whole. Rejects with a sentence that says why there is none. An aborted query is ended. */
  async run(query: PersonQuery, signal?: AbortSignal): Promise<HttpAnswer> {
    const refusedMs = this.offenders.refusedMs(query.sql, performance.now());
    if (refusedMs > 0)
      throw new QueryOutlived(
        `A query like this one had to be ended with the engine: it is refused for ${Math.ceil(refusedMs / 1000)} s. Ask for less of what takes so long in one row.`,
      );
    for (let again = 0; ; again++) {
      try {
        return await this.turns.run(() => this.once(query, signal), signal);
      } catch (error) {
        // Reading changes nothing, so it can be done once more. One that a crash ended may have been the crash's reason.
        if (!(error instanceof EngineEnded) || error.culprit === undefined || again >= MOST_AGAIN) throw error;
      }
    }
  }

  private async once(query: PersonQuery, signal: AbortSignal | undefined): Promise<HttpAnswer> {
    await this.ready(signal);
    const wait = this.engine.startsInMs;
    if (wait > 0 && wait < LONGEST_WAIT_MS) await sleep(wait + 1, undefined, signal === undefined ? {} : { signal });
    await this.engine.start();
    signal?.throwIfAborted();
    const id = randomUUID();
    const place = this.answers.open();
    const end = (): void => {
      this.overruns.left(id, performance.now());
      this.stop(id);
    };
    this.begin(id);
    signal?.addEventListener('abort', end, { once: true });
    try {
      const text = { text: (sql: string, format?: string) => this.engine.text(sql, format, formatter(place.number)) };
      const written = await readingStatement(text, query.sql, query.formatFixed);
      signal?.throwIfAborted();
      const { sql, format } = intoFile(written, query.format, place.target.pipe);
      this.overruns.begin(id, query.seconds * 1000, performance.now());
      const answer = await this.engine.ask({ statements: query.statements(id), sql, format, target: place.target }, end);
      const kept = place.keep(answer);
      return { ...kept, format, resultRows: answer.rows, resultBytes: answer.read, seconds: answer.seconds };
    } catch (error) {
      place.drop();
      if (error instanceof AnswerTooLarge) throw new AnswerTooLarge(this.answers.tooLarge(place.target.quota));
      if (!(error instanceof EngineEnded) || error.culprit !== id) throw error;
      this.offenders.blame(query.sql, performance.now());
      throw new QueryOutlived(
        `The query was ended: it took longer than its limit of ${query.seconds} s, and could only be stopped by ending the engine. Ask for less of what takes so long in one row.`,
      );
    } finally {
      signal?.removeEventListener('abort', end);
      this.over(id);
    }
  }

  private begin(id: string): void {
    this.overruns.begin(id, FORMAT_MS, performance.now());
    this.running++;
    this.watch ??= setInterval(() => {
      // The statement may have come before the query that it was to end.
      for (const left of this.overruns.abandoned) this.stop(left);
      const found = this.overruns.due(performance.now(), this.turns.waited);
      if (found !== undefined) void this.engine.kill(found.reason, found.id);
    }, LOOK_MS);
  }

  private stop(id: string): void {
    this.engine.write(endingStatement(id), 'TSV', CONTROL).catch(() => undefined);
  }

  private over(id: string): void {
    this.overruns.end(id);
    this.running--;
    if (this.running > 0) return;
    clearInterval(this.watch);
    this.watch = undefined;
  }
}
