import type { SqlStore } from '../api/sql-store.js';
import { formatAddress } from '../cli/address.js';
import { predictionText, restText } from '../cli/service/drain-text.js';
import { formatServerKey, formatServiceKey, parseServerKey, parseServiceKey } from '../cli/service-address.js';
import { Drain, DrainError, type DrainLog, predicted, type WeightStep } from '../drain/drain.js';
import { DrainMemory, drainMemoryBeside } from '../drain/memory.js';
import { byClient, liveOf } from '../drain/rest.js';
import { findKnob, knobs, noSuchKnob } from '../knob/catalogue.js';
import { allowed, BadKnobValue, parseKnobValue } from '../knob/value.js';
import { Administration, type RealServer, type VirtualService } from '../wire/administration.js';
import { CaptureClient } from '../wire/client.js';
import { CaptureRefusal, ConnectionError } from '../wire/errors.js';
import { ConsoleError } from './errors.js';

/** So many of the clients that are left on a draining server are shown. */
const CLIENTS = 10;
/** Lifetimes of the past do not change in a minute, ms. */
const HISTORY_MS = 60_000;

/** What can be seen and turned at the balancer, through the capture. Everything rejects with ConsoleError, a sentence. */
export class Desk {
  private readonly socket: string;
  private readonly log: DrainLog;
  private readonly memory: DrainMemory;
  /** Answers about lifetimes, by query. */
  private readonly asked = new Map<string, { readonly at: number; readonly answer: Promise<Uint8Array> }>();

  constructor(socket: string, store: SqlStore | undefined) {
    this.socket = socket;
    this.memory = new DrainMemory(drainMemoryBeside(socket));
    this.log = {
      sql: (query, format) => {
        if (store === undefined) return Promise.reject(new Error('there is no store.'));
        const key = `${format} ${query}`;
        const before = this.asked.get(key);
        if (before !== undefined && Date.now() - before.at < HISTORY_MS) return before.answer;
        for (const [old, { at }] of this.asked) if (Date.now() - at >= HISTORY_MS) this.asked.delete(old);
        const answer = store.query(query, { format });
        this.asked.set(key, { at: Date.now(), answer });
        // What failed is asked again the next time.
        answer.catch(() => this.asked.delete(key));
        return answer;
      },
    };
  }

  /** The virtual services and their real servers as they are. */
  services(): Promise<unknown[]> {
    return this.with(async (client) => (await new Administration(client).services()).map(serviceDocument));
  }

  /** Every knob of the catalogue but those of services and real servers, with its value. */
  knobs(): Promise<unknown[]> {
    return this.with(async (client) => {
      const readings = new Map((await new Administration(client).knobs()).map((one) => [one.name, one]));
      return knobs.flatMap((knob) => {
        const reading = readings.get(knob.name);
        if (reading === undefined) return [];
        const { name, group, type, unit, values, default: fallback, defaultDoc, doc, more, cost, interacts, path, live } = knob;
        return [
          {
            name,
            group,
            type,
            unit: unit ?? '',
            values: values?.map(({ value, doc: words }) => ({ value, doc: words })) ?? null,
            default: fallback ?? defaultDoc ?? '',
            doc,
            more,
            cost,
            interacts,
            path,
            live,
            allowed: knob.writable ? allowed(knob) : '',
            value: reading.value,
            problem: reading.problem,
            settable: reading.settable,
          },
        ];
      });
    });
  }

  /** Sets one knob for somebody; resolves to its old value and the one read back. */
  setKnob(name: string, written: string, whom: string): Promise<unknown> {
    const knob = findKnob(name);
    if (knob === undefined) throw new ConsoleError(404, noSuchKnob(name));
    let value: string;
    try {
      value = parseKnobValue(knob, written);
    } catch (error) {
      if (error instanceof BadKnobValue) throw new ConsoleError(400, error.message);
      throw error;
    }
    return this.with(async (client) => {
      const [change] = await this.administration(client, whom).setKnobs([{ name: knob.name, value }]);
      return { name: knob.name, old: change?.oldValue ?? '', new: change?.newValue ?? '' };
    });
  }

  /** Sets a real server's weight in one virtual service for somebody. */
  setWeight(service: string, real: string, weight: number, whom: string): Promise<unknown> {
    const [key, server] = [parseServiceKey(service), parseServerKey(real)];
    if (!Number.isInteger(weight) || weight < 0 || weight > 65_535)
      throw new ConsoleError(400, 'A weight is a whole number from 0 to 65535.');
    return this.with(async (client) => {
      const { oldValue, newValue } = await this.administration(client, whom).change({
        action: 'set',
        service: key,
        real: server,
        settings: [{ name: 'real_weight', value: String(weight) }],
      });
      return { old: oldValue, new: newValue };
    });
  }

  /** Every real server that is quiesced: what is left on it, and for how long. */
  drains(): Promise<unknown[]> {
    return this.with(async (client) => {
      const services = await new Administration(client).services();
      const names = new Set(
        services.flatMap(({ reals }) =>
          reals.filter(({ settings }) => settings.get('real_weight') === '0').map(({ key }) => formatServerKey(key)),
        ),
      );
      const drains: unknown[] = [];
      for (const name of [...names].sort()) {
        const places = services.filter(({ reals }) =>
          reals.some(({ key, settings }) => formatServerKey(key) === name && settings.get('real_weight') === '0'),
        );
        for (const { key } of places) {
          try {
            drains.push(await this.drainDocument(client, formatServiceKey(key), name));
          } catch (error) {
            // Somebody gave it its weight back, or took it away, meanwhile.
            if (!(error instanceof DrainError)) throw error;
          }
        }
      }
      return drains;
    });
  }

  /** Begins (`quiesce`), ends (`cancel`) or completes (`remove`) a drain for somebody, in all services of the real server or in one. */
  drain(action: string, real: string, service: string | undefined, whom: string): Promise<unknown> {
    const [server, only] = [parseServerKey(real), service === undefined ? undefined : parseServiceKey(service)];
    return this.with(async (client) => {
      const drain = new Drain({ client, log: this.log, memory: this.memory, real: server, only, forWhom: author(whom) });
      const steps: WeightStep[] = [];
      const told = (step: WeightStep): void => void steps.push(step);
      if (action === 'quiesce') await drain.quiesce(told);
      else if (action === 'cancel') await drain.cancel(told);
      else if (action === 'remove') {
        const left = liveOf(await drain.look());
        if (left > 0)
          throw new ConsoleError(
            409,
            `${drain.name} has ${left === 1 ? 'a connection' : `${left} connections`} left: removing it would cut them off.`,
          );
        return { removed: await drain.remove() };
      } else throw new ConsoleError(400, `There is no action ${JSON.stringify(action)}: quiesce, cancel or remove.`);
      return { steps };
    });
  }

  private async drainDocument(client: CaptureClient, service: string, real: string): Promise<unknown> {
    const drain = new Drain({ client, log: this.log, memory: this.memory, real: parseServerKey(real), only: parseServiceKey(service) });
    const rest = await drain.look();
    let prediction = '';
    let forecast: unknown = null;
    if (liveOf(rest) > 0) {
      try {
        const found = predicted(await drain.history(), rest);
        if (found !== undefined) {
          forecast = { half: found.half ?? null, most: found.most ?? null, all: found.all ?? null, unknown: found.unknown };
          prediction = predictionText(found);
        }
      } catch (error) {
        prediction = `no prediction: ${error instanceof Error ? error.message : String(error)}`;
      }
    }
    const live = (rest.connections ?? []).filter(({ template }) => !template);
    return {
      service,
      real,
      active: rest.active,
      inactive: rest.inactive,
      templates: rest.templates,
      text: restText(rest),
      prediction,
      forecast,
      weight: this.memory.weightOf(service, real) ?? null,
      clients: byClient(live, ({ client: address }) => formatAddress(address)).slice(0, CLIENTS),
      oldest: live.flatMap(({ age }) => (age === undefined ? [] : [age])).sort((a, b) => b - a)[0] ?? null,
    };
  }

  private administration(client: CaptureClient, whom: string): Administration {
    return new Administration(client, author(whom));
  }

  /** A session with the capture for one request. */
  private async with<T>(action: (client: CaptureClient) => Promise<T>): Promise<T> {
    const client = new CaptureClient({ path: this.socket, software: 'vslog console' });
    try {
      await client.connect();
      return await action(client);
    } catch (error) {
      if (error instanceof CaptureRefusal) throw new ConsoleError(error.code === 1 ? 403 : 409, error.message);
      if (error instanceof ConnectionError) throw new ConsoleError(503, error.message);
      if (error instanceof DrainError) throw new ConsoleError(409, error.message);
      throw error;
    } finally {
      client.close();
    }
  }
}

/** As the log has it. */
function author(name: string): string {
  return `${name}@console`;
}

function serviceDocument({ key, settings, reals, traffic }: VirtualService): unknown {
  return { name: formatServiceKey(key), settings: Object.fromEntries(settings), traffic: traffic ?? null, reals: reals.map(realDocument) };
}

function realDocument({ key, settings, active, inactive, persistent, overloaded, traffic }: RealServer): unknown {
  return {
    name: formatServerKey(key),
    weight: Number(settings.get('real_weight')),
    settings: Object.fromEntries(settings),
    active,
    inactive,
    persistent,
    overloaded,
    traffic: traffic ?? null,
  };
}
