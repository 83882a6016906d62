import { formatAddress } from '../cli/address.js';
import { formatServerKey, formatServiceKey } from '../cli/service-address.js';
import { Administration, type ServerKey, type ServiceKey } from '../wire/administration.js';
import type { CaptureClient } from '../wire/client.js';
import { EVERY_CONNECTION } from '../wire/conn-filter.js';
import { CaptureRefusal } from '../wire/errors.js';
import { type Forecast, forecast } from './forecast.js';
import { lifetimesOf, lifetimesSql, weightBeforeSql } from './history.js';
import type { DrainMemory } from './memory.js';
import { establishedOf, type Place, type Rest, type RestConnection, restConnection, restOf } from './rest.js';
import { Survival } from './survival.js';
import { covers, type DrainTarget, isHost, targetName } from './target.js';

const ANSWER_MS = 60_000;

/** A drain that cannot go on: a sentence. */
export class DrainError extends Error {
  override readonly name = 'DrainError';
}

/** What of the log a drain asks. Rejects with a sentence when it cannot be asked. */
export interface DrainLog {
  sql(query: string, format: string): Promise<Uint8Array>;
}

/** A weight that was set, or that needed none; `note`: what a person should know beside it. */
export interface WeightStep {
  readonly service: string;
  /** `192.0.2.7:8080`. */
  readonly real: string;
  readonly before: number;
  readonly after: number;
  readonly note?: string;
}

/** How long connections live, by the name of their virtual service. */
export type Survivals = ReadonlyMap<string, Survival>;

export interface DrainOptions {
  readonly client: CaptureClient;
  readonly log: DrainLog;
  readonly memory: DrainMemory;
  readonly target: DrainTarget;
  /** For whom changes are made: Administration. */
  readonly forWhom?: string;
}

/** Quiescing a host or a real server on one director, and looking at what is left. Rejects with DrainError, and as Administration does. */
export class Drain {
  /** targetName(). */
  readonly name: string;
  private readonly options: DrainOptions;
  private readonly administration: Administration;

  constructor(options: DrainOptions) {
    this.options = options;
    this.name = targetName(options.target);
    this.administration = new Administration(options.client, options.forWhom);
  }

  /** Its real servers, each in each service that has it; of a host perhaps none: then no service sends there. */
  async places(): Promise<Place[]> {
    const { target } = this.options;
    const services = await this.administration.services(target.only);
    const places = services.flatMap((service) => service.reals.filter(({ key }) => covers(target, key)).map((real) => ({ service, real })));
    if (places.length > 0 || isHost(target)) return places;
    const where = target.only === undefined ? 'No virtual service has' : `${formatServiceKey(target.only)} does not have`;
    throw new DrainError(`${where} the real server ${this.name}: \`vslog rs ls\` shows all.`);
  }

  /** The same, which must still be quiesced: else new connections come, and nothing that is seen can be relied on. */
  async quiesced(): Promise<Place[]> {
    const places = await this.places();
    for (const { service, real } of places) {
      const weight = real.settings.get('real_weight');
      if (weight !== '0')
        throw new DrainError(
          `${formatServerKey(real.key)} has weight ${weight} in ${formatServiceKey(service.key)}: it is not drained any more. Somebody changed it meanwhile: \`vslog report changes\` says who.`,
        );
    }
    return places;
  }

  /** What else of the same host still gets new connections or has some: `192.0.2.7:8083`, with its weight and active connections. */
  async besides(): Promise<Place[]> {
    const { target } = this.options;
    if (isHost(target)) return [];
    const host = { addresses: target.addresses };
    return (await this.administration.services()).flatMap((service) =>
      service.reals
        .filter(({ key, settings, active }) => covers(host, key) && (settings.get('real_weight') !== '0' || active > 0))
        .filter(
          ({ key }) =>
            !(covers(target, key) && (target.only === undefined || formatServiceKey(target.only) === formatServiceKey(service.key))),
        )
        .map((real) => ({ service, real })),
    );
  }

  /** Sets its weights to 0 and remembers what they were. `onStep` hears of each service as it is done. */
  async quiesce(onStep: (step: WeightStep) => void | Promise<void> = () => undefined): Promise<void> {
    const { memory } = this.options;
    for (const { service, real } of await this.places()) {
      const name = formatServiceKey(service.key);
      const weight = Number(real.settings.get('real_weight'));
      let note: string | undefined;
      if (weight !== 0) {
        try {
          memory.remember(name, formatServerKey(real.key), weight);
        } catch {
          note = `${memory.path} cannot be written: the weight from before is remembered by the log only.`;
        }
        await this.setWeight(service.key, real.key, 0);
      }
      await onStep({ service: name, real: formatServerKey(real.key), before: weight, after: 0, ...(note === undefined ? {} : { note }) });
    }
  }

  /** Gives its old weights back; what is not quiesced stays as it is. */
  async cancel(onStep: (step: WeightStep) => void | Promise<void> = () => undefined): Promise<void> {
    const { memory } = this.options;
    for (const { service, real } of await this.places()) {
      const [name, server] = [formatServiceKey(service.key), formatServerKey(real.key)];
      const now = Number(real.settings.get('real_weight'));
      if (now !== 0) {
        await onStep({ service: name, real: server, before: now, after: now });
        continue;
      }
      const weight = memory.weightOf(name, server) ?? (await this.weightOfLog(service.key, real.key));
      if (weight === undefined)
        throw new DrainError(
          `The weight that ${server} had in ${name} is not known: neither ${memory.path} nor the log has it. Set it by \`vslog rs weight\`.`,
        );
      await this.setWeight(service.key, real.key, weight);
      this.forget(name, server);
      await onStep({ service: name, real: server, before: 0, after: weight });
    }
  }

  /** Removes it from every service where it is quiesced. Resolves to what was removed: `192.0.2.7:8080 from tcp 192.0.2.1:80`. */
  async remove(): Promise<string[]> {
    const names: string[] = [];
    for (const { service, real } of await this.quiesced()) {
      await this.administration.change({ action: 'remove', service: service.key, real: real.key });
      const [name, server] = [formatServiceKey(service.key), formatServerKey(real.key)];
      this.forget(name, server);
      names.push(`${server} from ${name}`);
    }
    return names;
  }

  /** What is left on it. */
  async look(): Promise<Rest> {
    const { client, target } = this.options;
    const places = await this.quiesced();
    const connections: RestConnection[] = [];
    try {
      for (const address of target.addresses)
        await client.listConnections(
          { ...EVERY_CONNECTION, real: { address, prefix: 128, port: target.port === 0 ? undefined : target.port } },
          (event) => {
            const connection = restConnection(event, places);
            if (target.only === undefined || connection.service !== undefined) connections.push(connection);
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

  /** How long connections of each of its services lived. Rejects with the log's sentence when that cannot be asked. */
  async history(): Promise<Survivals> {
    const curve = async ({ service: { key } }: Place): Promise<[string, Survival]> => {
      const answer = await this.options.log.sql(lifetimesSql(key, formatAddress(key.address)), 'JSONCompact');
      return [formatServiceKey(key), new Survival(lifetimesOf(Buffer.from(answer)))];
    };
    return new Map(await Promise.all((await this.places()).map(curve)));
  }

  private async setWeight(service: ServiceKey, real: ServerKey, weight: number): Promise<void> {
    await this.administration.change({
      action: 'set',
      service,
      real,
      settings: [{ name: 'real_weight', value: String(weight) }],
    });
  }

  private async weightOfLog(service: ServiceKey, real: ServerKey): Promise<number | undefined> {
    const { log } = this.options;
    const sql = weightBeforeSql(service, formatAddress(service.address), formatAddress(real.address), real.port);
    try {
      const weight = /^weight=(\d+) /.exec(Buffer.from(await log.sql(sql, 'TabSeparated')).toString('utf8'))?.[1];
      return weight === undefined ? undefined : Number(weight);
    } catch {
      return undefined;
    }
  }

  private forget(service: string, real: string): void {
    try {
      this.options.memory.forget(service, real);
    } catch {
      // It is of no harm: the next drain writes over it, or cannot either.
    }
  }
}

/** When how much of what is established will be gone; undefined when nothing is, or nobody knows what. */
export function predicted(survivals: Survivals, rest: Rest): Forecast | undefined {
  const live = establishedOf(rest);
  const nameOf = ({ service }: RestConnection): string => (service === undefined ? '' : formatServiceKey(service.key));
  const names = [...new Set(live.map(nameOf))];
  // One whose beginning nobody knows is older than any history.
  const agesOf = (name: string): number[] => live.flatMap((one) => (nameOf(one) === name ? [one.age ?? Number.POSITIVE_INFINITY] : []));
  return live.length === 0 ? undefined : forecast(names.map((name) => ({ survival: survivals.get(name), ages: agesOf(name) })));
}
