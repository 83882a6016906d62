import { type Drain, predicted, type Survivals } from '../../drain/drain.js';
import type { Forecast } from '../../drain/forecast.js';
import { liveOf, type Rest } from '../../drain/rest.js';
import { Exit } from '../exit-codes.js';
import { Failure, sentence } from '../failure.js';
import { plural } from '../numbers.js';
import { note, write } from '../output.js';
import { cutText, drainText, restText } from './drain-text.js';

/** How often the balancer is looked at. */
const LOOK_MS = 1000;
/** How often a line is written where nobody looks at a screen, when nothing changes. */
const LINE_MS = 30_000;

/** A drain as a person at a terminal, or a script, watches it. */
export class Draining {
  private readonly drain: Drain;
  private readonly name: string;

  constructor(drain: Drain) {
    this.drain = drain;
    this.name = drain.name;
  }

  async cancel(): Promise<void> {
    await this.drain.cancel(({ service, before, after }) =>
      write(before === 0 ? `${service}: weight 0 → ${after}\n` : `${service}: weight ${before}, not quiesced\n`),
    );
  }

  async run(withinMs: number, remove: boolean, json: boolean): Promise<void> {
    await this.quiesce(json);
    const survivals = await this.history();
    const end = Date.now() + withinMs;
    const stop = new AbortController();
    const interrupt = (): void => stop.abort();
    process.once('SIGINT', interrupt);
    process.once('SIGTERM', interrupt);
    let most = 0;
    let line = { text: '', at: 0 };
    try {
      for (;;) {
        const rest = await this.drain.look();
        const live = liveOf(rest);
        most = Math.max(most, live);
        const prediction = survivals === undefined ? undefined : predicted(survivals, rest);
        if (json) await write(`${JSON.stringify(this.line(rest, prediction))}\n`);
        else if (process.stdout.isTTY === true) await write(`\x1b[H\x1b[2J${this.name} is quiesced\n${drainText(rest, most, prediction)}`);
        else if (restText(rest) !== line.text && (line.at === 0 || live === 0 || Date.now() - line.at > LOOK_MS * 10)) {
          await write(line.at === 0 ? drainText(rest, most, prediction) : `${restText(rest)}\n`);
          line = { text: restText(rest), at: Date.now() };
        } else if (Date.now() - line.at > LINE_MS) {
          await write(`${restText(rest)}\n`);
          line = { text: restText(rest), at: Date.now() };
        }
        if (live === 0) return await this.safe(rest, remove, json);
        if (stop.signal.aborted) return await this.interrupted(live);
        if (Date.now() >= end) return await this.late(rest, json);
        await pause(Math.min(LOOK_MS, Math.max(0, end - Date.now())), stop.signal);
      }
    } finally {
      process.off('SIGINT', interrupt);
      process.off('SIGTERM', interrupt);
    }
  }

  private async quiesce(json: boolean): Promise<void> {
    await this.drain.quiesce(async ({ service, before, note: words }) => {
      if (words !== undefined) note(words);
      if (!json) await write(before === 0 ? `${service}: weight 0 already\n` : `${service}: weight ${before} → 0\n`);
    });
  }

  /** Undefined when the collector cannot be asked. */
  private async history(): Promise<Survivals | undefined> {
    await this.drain.places(); // not there any more: that is no lack of history
    try {
      return await this.drain.history();
    } catch (error) {
      note(`No prediction: ${sentence(error)}`);
      return undefined;
    }
  }

  private line(rest: Rest, prediction: Forecast | undefined): unknown {
    return {
      real: this.name,
      live: liveOf(rest),
      active: rest.active,
      inactive: rest.inactive,
      templates: rest.templates,
      prediction: prediction ?? null,
      safe: liveOf(rest) === 0,
    };
  }

  private async safe(rest: Rest, remove: boolean, json: boolean): Promise<void> {
    if (remove) {
      for (const service of await this.drain.remove()) if (!json) await write(`${service}: ${this.name} removed\n`);
    }
    if (json) return;
    await write(`safe to unplug: ${this.name} has no connection left\n`);
    // A template carries nothing itself, but its client's next connection is sent here all the same.
    if (rest.templates > 0 && !remove)
      await write(
        `${plural(rest.templates, 'persistence template')} left: no traffic, but a client that comes back in time is sent here, unless expire_quiescent_template is 1\n`,
      );
  }

  private async interrupted(live: number): Promise<void> {
    await write(
      `\n${this.name} stays quiesced with ${plural(live, 'connection')}: go on with the same command, or give its weight back with --cancel\n`,
    );
    throw new Failure(Exit.draining, '');
  }

  private async late(rest: Rest, json: boolean): Promise<void> {
    if (!json) await write(`not safe to unplug, ${restText(rest)}; these would be cut:\n${cutText(rest)}`);
    throw new Failure(Exit.draining, '');
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
