import { formatAddress } from '../cli/address.js';
import { formatServerKey, formatServiceKey, sameServer } from '../cli/service-address.js';
import { Administration, type ServerKey, type ServiceKey } from '../wire/administration.js';
import type { CaptureClient } from '../wire/client.js';
import { CaptureRefusal } from '../wire/errors.js';
import { type Forecast, forecast } from './forecast.js';
import { lifetimesOf, lifetimesSql, weightBeforeSql } from './history.js';
import type { DrainMemory } from './memory.js';
import { type Place, type Rest, type RestConnection, restConnection, restOf } from './rest.js';
import { Survival } from './survival.js';

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
  readonly real: ServerKey;
  /** Only in this virtual service; undefined: in all that have it. */
  readonly only: ServiceKey | undefined;
  /** For whom changes are made: Administration. */
  readonly forWhom?: string;
}

/** Quiescing one real server, in one or all of its virtual services, and looking at what is left. Rejects with DrainError, and as Administration does. */
export class Drain {
  /** `192.0.2.7:8080`. */
  readonly name: string;
  private readonly options: DrainOptions;
  private readonly administration: Administration;

  constructor(options: DrainOptions) {
    this.options = options;
    this.name = formatServerKey(options.real);
    this.administration = new Administration(options.client, options.forWhom);
  }

  /** The services that have it. */
  async places(): Promise<Place[]> {
    const { real: wanted, only } = this.options;
    const services = await this.administration.services(only);
    const places = services.flatMap((service) =>
      service.reals.filter(({ key }) => sameServer(key, wanted)).map((real) => ({ service, real })),
    );
    if (places.length > 0) return places;
    const where = only === undefined ? 'No virtual service has' : `${formatServiceKey(only)} has not`;
    throw new DrainError(`${where} the real server ${this.name}: \`vslog rs ls\` shows all.`);
  }

  /** The same, which must still be quiesced: else new connections come, and nothing that is seen is safe to rely on. */
  async quiesced(): Promise<Place[]> {
    const places = await this.places();
    for (const { service, real } of places) {
      const weight = real.settings.get('real_weight');
      if (weight !== '0')
        throw new DrainError(
          `Somebody gave ${this.name} the weight ${weight} in ${formatServiceKey(service.key)} again: it is not drained any more.`,
        );
    }
    return places;
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
          memory.remember(name, this.name, weight);
        } catch {
          note = `${memory.path} cannot be written: the weight from before is remembered by the log only.`;
        }
        await this.setWeight(service.key, 0);
      }
      await onStep({ service: name, before: weight, after: 0, ...(note === undefined ? {} : { note }) });
    }
  }

  /** Gives its old weights back; what is not quiesced stays as it is. */
  async cancel(onStep: (step: WeightStep) => void | Promise<void> = () => undefined): Promise<void> {
    const { memory } = this.options;
    for (const { service, real } of await this.places()) {
      const name = formatServiceKey(service.key);
      const now = Number(real.settings.get('real_weight'));
      if (now !== 0) {
        await onStep({ service: name, before: now, after: now });
        continue;
      }
      const weight = memory.weightOf(name, this.name) ?? (await this.weightOfLog(service.key));
      if (weight === undefined)
        throw new DrainError(
          `The weight that ${this.name} had in ${name} is not known: neither ${memory.path} nor the log has it. Set it by \`vslog rs weight\`.`,
        );
      await this.setWeight(service.key, weight);
      this.forget(name);
      await onStep({ service: name, before: 0, after: weight });
    }
  }

  /** Removes it where it is quiesced. Resolves to the services. */
  async remove(): Promise<string[]> {
    const names: string[] = [];
    for (const { service } of await this.quiesced()) {
      await this.administration.change({ action: 'remove', service: service.key, real: this.options.real });
      const name = formatServiceKey(service.key);
      this.forget(name);
      names.push(name);
    }
    return names;
  }

  /** What is left on it. */
  async look(): Promise<Rest> {
    const { client, real } = this.options;
    const places = await this.quiesced();
    const connections: RestConnection[] = [];
    const filter = {
      client: undefined,
      virtual: undefined,
      real: { address: real.address, prefix: 128, port: real.port === 0 ? undefined : real.port },
      protocol: undefined,
      fwmark: undefined,
      state: undefined,
      template: undefined,
      olderThanNs: undefined,
      idleNs: undefined,
      quiesced: false,
    };
    try {
      await client.listConnections(
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

  /** How long connections of each of its services lived. Rejects with the log's sentence when that cannot be asked. */
  async history(): Promise<Survivals> {
    const curve = async ({ service: { key } }: Place): Promise<[string, Survival]> => {
      const answer = await this.options.log.sql(lifetimesSql(key, formatAddress(key.address)), 'JSONCompact');
      return [formatServiceKey(key), new Survival(lifetimesOf(Buffer.from(answer)))];
    };
    return new Map(await Promise.all((await this.places()).map(curve)));
  }

  private async setWeight(service: ServiceKey, weight: number): Promise<void> {
    await this.administration.change({
      action: 'set',
      service,
      real: this.options.real,
      settings: [{ name: 'real_weight', value: String(weight) }],
    });
  }

  private async weightOfLog(service: ServiceKey): Promise<number | undefined> {
    const { log, real } = this.options;
    const sql = weightBeforeSql(service, formatAddress(service.address), formatAddress(real.address), real.port);
    try {
      const weight = /^weight=(\d+) /.exec(Buffer.from(await log.sql(sql, 'TabSeparated')).toString('utf8'))?.[1];
      return weight === undefined ? undefined : Number(weight);
    } catch {
      return undefined;
    }
  }

  private forget(service: string): void {
    try {
      this.options.memory.forget(service, this.name);
    } catch {
      // It is of no harm: the next drain writes over it, or cannot either.
    }
  }
}

/** When how much of what is left will be gone; undefined when nothing is left, or nobody knows what. */
export function predicted(survivals: Survivals, { connections = [] }: Rest): Forecast | undefined {
  const live = connections.filter(({ template }) => !template);
  const names = [...new Set(live.map(({ service }) => formatServiceKey(service.key)))];
  // One whose beginning nobody knows is older than any history.
  const agesOf = (name: string): number[] =>
    live.flatMap(({ service, age = Number.POSITIVE_INFINITY }) => (formatServiceKey(service.key) === name ? [age] : []));
  return live.length === 0 ? undefined : forecast(names.map((name) => ({ survival: survivals.get(name), ages: agesOf(name) })));
}
