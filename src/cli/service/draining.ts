import type { ApiClient } from '../../api/client.js';
import { type Forecast, forecast } from '../../drain/forecast.js';
import { lifetimesOf, lifetimesSql, weightBeforeSql } from '../../drain/history.js';
import type { DrainMemory } from '../../drain/memory.js';
import { liveOf, type Place, type Rest, type RestConnection, restConnection, restOf } from '../../drain/rest.js';
import { Survival } from '../../drain/survival.js';
import { Administration, type ServerKey, type ServiceKey } from '../../wire/administration.js';
import type { CaptureClient } from '../../wire/client.js';
import { CaptureRefusal } from '../../wire/errors.js';
import { formatAddress } from '../address.js';
import { Exit } from '../exit-codes.js';
import { Failure, sentence } from '../failure.js';
import { plural } from '../numbers.js';
import { note, write } from '../output.js';
import { formatServerKey, formatServiceKey, sameServer } from '../service-address.js';
import { cutText, drainText, restText } from './drain-text.js';

/** How often the balancer is looked at. */
const LOOK_MS = 1000;
/** How often a line is written where nobody looks at a screen, when nothing changes. */
const LINE_MS = 30_000;
const ANSWER_MS = 60_000;

/** One real server, in one or all of its virtual services. */
export class Draining {
  private readonly client: CaptureClient;
  private readonly administration: Administration;
  private readonly collector: ApiClient;
  private readonly memory: DrainMemory;
  private readonly real: ServerKey;
  private readonly name: string;
  private readonly only: ServiceKey | undefined;

  constructor(client: CaptureClient, collector: ApiClient, memory: DrainMemory, real: ServerKey, only: ServiceKey | undefined) {
    this.client = client;
    this.administration = new Administration(client);
    this.collector = collector;
    this.memory = memory;
    this.real = real;
    this.name = formatServerKey(real);
    this.only = only;
  }

  async cancel(): Promise<void> {
    for (const { service, real } of await this.places()) {
      const name = formatServiceKey(service.key);
      if (real.settings.get('real_weight') !== '0') {
        await write(`${name}: weight ${real.settings.get('real_weight')}, not quiesced\n`);
        continue;
      }
      const weight = this.memory.weightOf(name, this.name) ?? (await this.weightOfLog(service.key));
      if (weight === undefined)
        throw new Failure(
          Exit.failure,
          `The weight that ${this.name} had in ${name} is not known: neither ${this.memory.path} nor the log has it. Set it by \`vslog rs weight\`.`,
        );
      await this.setWeight(service.key, weight);
      this.forget(name);
      await write(`${name}: weight 0 → ${weight}\n`);
    }
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
        const rest = await this.look();
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

  /** The services that have it. */
  private async places(): Promise<Place[]> {
    const services = await this.administration.services(this.only);
    const places = services.flatMap((service) =>
      service.reals.filter(({ key }) => sameServer(key, this.real)).map((real) => ({ service, real })),
    );
    if (places.length === 0) {
      const where = this.only === undefined ? 'No virtual service has' : `${formatServiceKey(this.only)} has not`;
      throw new Failure(Exit.failure, `${where} the real server ${this.name}: \`vslog rs ls\` shows all.`);
    }
    return places;
  }

  /** The same, which must still be quiesced: else new connections come, and nothing that is seen is safe to rely on. */
  private async quiesced(): Promise<Place[]> {
    const places = await this.places();
    for (const { service, real } of places) {
      const weight = real.settings.get('real_weight');
      if (weight !== '0')
        throw new Failure(
          Exit.failure,
          `Somebody gave ${this.name} the weight ${weight} in ${formatServiceKey(service.key)} again: it is not drained any more.`,
        );
    }
    return places;
  }

  private async quiesce(json: boolean): Promise<void> {
    for (const { service, real } of await this.places()) {
      const name = formatServiceKey(service.key);
      const weight = Number(real.settings.get('real_weight'));
      if (weight === 0) {
        if (!json) await write(`${name}: weight 0 already\n`);
        continue;
      }
      try {
        this.memory.remember(name, this.name, weight);
      } catch {
        note(`${this.memory.path} cannot be written: the weight from before is remembered by the log only.`);
      }
      await this.setWeight(service.key, 0);
      if (!json) await write(`${name}: weight ${weight} → 0\n`);
    }
  }

  private async setWeight(service: ServiceKey, weight: number): Promise<void> {
    await this.administration.change({
      action: 'set',
      service,
      real: this.real,
      settings: [{ name: 'real_weight', value: String(weight) }],
    });
  }

  private async look(): Promise<Rest> {
    const places = await this.quiesced();
    const connections: RestConnection[] = [];
    const filter = {
      client: undefined,
      virtual: undefined,
      real: { address: this.real.address, prefix: 128, port: this.real.port === 0 ? undefined : this.real.port },
      protocol: undefined,
      fwmark: undefined,
      state: undefined,
      template: undefined,
      olderThanNs: undefined,
      idleNs: undefined,
      quiesced: false,
    };
    try {
      await this.client.listConnections(
        filter,
        (event) => {
          const connection = restConnection(event, places);
          if (connection !== undefined) connections.push(connection);
        },
        ANSWER_MS,
      );
    } catch (error) {
      // The counts are the balancer's own; who they are is known only where connections are listed to us.
      if (error instanceof CaptureRefusal) return restOf(places, undefined);
      throw error;
    }
    return restOf(places, connections);
  }

  /** How long connections of each of its services lived, by the service's name; undefined when the collector cannot be asked. */
  private async history(): Promise<ReadonlyMap<string, Survival> | undefined> {
    const curve = async ({ service: { key } }: Place): Promise<[string, Survival]> => {
      const answer = await this.collector.sql(lifetimesSql(key, formatAddress(key.address)), 'JSONCompact');
      return [formatServiceKey(key), new Survival(lifetimesOf(answer))];
    };
    try {
      return new Map(await Promise.all((await this.places()).map(curve)));
    } catch (error) {
      if (error instanceof Failure) throw error;
      note(`No prediction: ${sentence(error)}`);
      return undefined;
    }
  }

  private async weightOfLog(service: ServiceKey): Promise<number | undefined> {
    const sql = weightBeforeSql(service, formatAddress(service.address), formatAddress(this.real.address), this.real.port);
    try {
      const weight = /^weight=(\d+) /.exec((await this.collector.sql(sql, 'TabSeparated')).toString('utf8'))?.[1];
      return weight === undefined ? undefined : Number(weight);
    } catch {
      return undefined;
    }
  }

  private forget(service: string): void {
    try {
      this.memory.forget(service, this.name);
    } catch {
      // It is of no harm: the next drain writes over it, or cannot either.
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
      for (const { service } of await this.quiesced()) {
        await this.administration.change({ action: 'remove', service: service.key, real: this.real });
        this.forget(formatServiceKey(service.key));
        if (!json) await write(`${formatServiceKey(service.key)}: ${this.name} removed\n`);
      }
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

function predicted(survivals: ReadonlyMap<string, Survival>, { connections = [] }: Rest): Forecast | undefined {
  const live = connections.filter(({ template }) => !template);
  const names = [...new Set(live.map(({ service }) => formatServiceKey(service.key)))];
  // One whose beginning nobody knows is older than any history.
  const agesOf = (name: string): number[] =>
    live.flatMap(({ service, age = Number.POSITIVE_INFINITY }) => (formatServiceKey(service.key) === name ? [age] : []));
  return live.length === 0 ? undefined : forecast(names.map((name) => ({ survival: survivals.get(name), ages: agesOf(name) })));
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
