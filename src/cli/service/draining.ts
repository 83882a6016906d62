import { type Drain, DrainError, predicted, type Survivals } from '../../drain/drain.js';
import type { Forecast } from '../../drain/forecast.js';
import { type Place, type Rest, together } from '../../drain/rest.js';
import { type DrainTarget, isHost, targetName } from '../../drain/target.js';
import { plural, wholeText } from '../../text/format.js';
import { timeOf } from '../../text/rfc3339.js';
import { Exit } from '../exit-codes.js';
import { Failure, sentence } from '../failure.js';
import { type AnswerForm, ObjectStream } from '../json-output.js';
import { note, write } from '../output.js';
import { formatServerKey, formatServiceKey } from '../service-address.js';
import { cutText, drainText, restText } from './drain-text.js';

/** How often the balancer is looked at. */
const LOOK_MS = 1000;
/** How often a line is written where nobody looks at a screen, when nothing changes. */
const LINE_MS = 30_000;

/** A drain on one director; its name is said where there are several. */
export interface DrainedDirector {
  readonly name: string;
  readonly drain: Drain;
}

/** A drain as a person at a terminal, or a script, watches it: on one director, or on several at once. */
export class Draining {
  private readonly directors: readonly DrainedDirector[];
  private readonly target: DrainTarget;
  private readonly name: string;

  constructor(target: DrainTarget, directors: readonly DrainedDirector[]) {
    this.target = target;
    this.directors = directors;
    this.name = targetName(target);
  }

  async cancel(): Promise<void> {
    let done = 0;
    for (const one of this.directors)
      await one.drain.cancel(({ service, real, before, after }) => {
        done++;
        const what = before === 0 ? `weight 0 → ${after}` : `weight ${before}, not quiesced`;
        return write(`${this.at(one)}${this.step(service, real)}: ${what}\n`);
      });
    if (done === 0) throw new DrainError(`No virtual service has a real server at ${this.name}: \`vslog rs ls\` shows all.`);
  }

  async run(withinMs: number, remove: boolean, form: AnswerForm): Promise<void> {
    const json = form === 'text' ? undefined : new ObjectStream(form);
    const places = await this.quiesce(json !== undefined);
    const survivals = await this.history();
    const end = performance.now() + withinMs;
    const stop = new AbortController();
    const interrupt = (): void => stop.abort();
    process.once('SIGINT', interrupt);
    process.once('SIGTERM', interrupt);
    let most = 0;
    let line = { text: '', at: 0 };
    try {
      for (;;) {
        const rest = await this.look();
        if (places === 0 && rest.established + rest.others + rest.templates === 0)
          throw new DrainError(
            `No virtual service has a real server at ${this.name}, and no connection is there: \`vslog rs ls\` shows all.`,
          );
        most = Math.max(most, rest.established);
        const prediction = survivals === undefined ? undefined : predicted(survivals, rest);
        if (json !== undefined) await json.add(this.line(rest, prediction));
        else if (process.stdout.isTTY === true) await write(`\x1b[H\x1b[2J${this.name} is quiesced\n${drainText(rest, most, prediction)}`);
        else if (
          line.at === 0 ||
          (restText(rest) !== line.text && (rest.established === 0 || performance.now() - line.at > LOOK_MS * 10))
        ) {
          await write(line.at === 0 ? drainText(rest, most, prediction) : `${restText(rest)}\n`);
          line = { text: restText(rest), at: performance.now() };
        } else if (performance.now() - line.at > LINE_MS) {
          await write(`${restText(rest)}\n`);
          line = { text: restText(rest), at: performance.now() };
        }
        if (rest.established === 0) return await this.safe(rest, remove, json !== undefined);
        if (stop.signal.aborted) return await this.interrupted(rest.established, json !== undefined);
        if (performance.now() >= end) return await this.late(rest, json !== undefined);
        await pause(Math.min(LOOK_MS, Math.max(0, end - performance.now())), stop.signal);
      }
    } finally {
      process.off('SIGINT', interrupt);
      process.off('SIGTERM', interrupt);
      await json?.close();
    }
  }

  /** Resolves to how many places it is in. */
  private async quiesce(json: boolean): Promise<number> {
    let places = 0;
    for (const one of this.directors)
      await one.drain.quiesce(async ({ service, real, before, note: words }) => {
        places++;
        if (words !== undefined) note(words);
        if (!json)
          await write(`${this.at(one)}${this.step(service, real)}: ${before === 0 ? 'weight 0 already' : `weight ${before} → 0`}\n`);
      });
    return places;
  }

  private async look(): Promise<Rest> {
    const rests: Rest[] = [];
    for (const { drain } of this.directors) rests.push(await drain.look());
    return together(rests);
  }

  /** Undefined when the collector cannot be asked. */
  private async history(): Promise<Survivals | undefined> {
    for (const { drain } of this.directors) await drain.places(); // not there any more: that is no lack of history
    try {
      const all = new Map<string, Survivals extends ReadonlyMap<string, infer S> ? S : never>();
      for (const { drain } of this.directors) for (const [name, survival] of await drain.history()) all.set(name, survival);
      return all;
    } catch (error) {
      note(`No forecast: ${sentence(error)}`);
      return undefined;
    }
  }

  /** What it is empty for. */
  private verdict(): string {
    if (isHost(this.target)) return 'safe to unplug';
    return this.target.only === undefined ? 'safe to stop' : 'empty';
  }

  /** A look for machines: docs/json/drain.schema.json. */
  private line(rest: Rest, prediction: Forecast | undefined): unknown {
    const safe = rest.established === 0;
    return {
      time: timeOf(Date.now()),
      target: this.name,
      established: rest.established,
      others: rest.others,
      templates: rest.templates,
      forecast: prediction === undefined ? null : plainForecast(prediction),
      safe,
      verdict: safe ? this.verdict().replaceAll(' ', '_') : 'not_yet',
    };
  }

  private async safe(rest: Rest, remove: boolean, json: boolean): Promise<void> {
    if (remove)
      for (const one of this.directors)
        for (const what of await one.drain.remove()) if (!json) await write(`${this.at(one)}${what}: removed\n`);
    if (json) return;
    const { only } = this.target;
    const where = only === undefined ? '' : ` of ${formatServiceKey(only)}`;
    await write(
      `${this.verdict()}: ${this.name} has no established connection${where}, and ${only === undefined ? 'no service sends' : 'that service does not send'} new ones\n`,
    );
    if (rest.others > 0)
      await write(
        `${plural(rest.others, 'entry', 'entries')} of the balancer's table ${rest.others === 1 ? 'is' : 'are'} closing or half open: their timers end them\n`,
      );
    // A template carries nothing itself, but its client's next connection is sent here all the same.
    if (rest.templates > 0 && !remove)
      await write(
        `${plural(rest.templates, 'persistence template')} left: a client that comes back in time is still sent here, unless expire_quiescent_template is 1\n`,
      );
    await this.besides();
  }

  /** Of a port, or of one service: what of the host goes on. */
  private async besides(): Promise<void> {
    for (const one of this.directors) {
      const places = await one.drain.besides();
      if (places.length === 0) continue;
      const texts = places.slice(0, 3).map(placeText).join('; ');
      const more = places.length > 3 ? `; and ${wholeText(places.length - 3)} more` : '';
      const host = targetName({ addresses: this.target.addresses });
      await write(`${this.at(one)}its host still serves: ${texts}${more}. To pull its cable: vslog rs drain ${host}\n`);
    }
  }

  private async interrupted(established: number, json: boolean): Promise<void> {
    // What reads JSON must not find a sentence in it.
    await (json ? note : write)(
      `${json ? '' : '\n'}${this.name} stays quiesced with ${plural(established, 'established connection')}: go on with the same command, or restore its weight with --cancel${json ? '' : '\n'}`,
    );
    throw new Failure(Exit.draining, '');
  }

  private async late(rest: Rest, json: boolean): Promise<void> {
    if (!json) await write(`not ${this.verdict()} yet: ${restText(rest)}; the established ones would be cut:\n${cutText(rest)}`);
    throw new Failure(Exit.draining, '');
  }

  /** `tcp 192.0.2.1:80`, of a host with its real server. */
  private step(service: string, real: string): string {
    return isHost(this.target) ? `${service} > ${real}` : service;
  }

  private at({ name }: DrainedDirector): string {
    return this.directors.length > 1 ? `${name}: ` : '';
  }
}

function plainForecast({ live, unknown, half, most, all }: Forecast): Record<string, number | null> {
  return { live, unknown, half_s: half ?? null, most_s: most ?? null, all_s: all ?? null };
}

function placeText({ service, real }: Place): string {
  const weight = real.settings.get('real_weight');
  return `${formatServerKey(real.key)} of ${formatServiceKey(service.key)}, weight ${weight}, ${plural(real.active, 'active connection')}`;
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
