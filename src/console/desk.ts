import type { SqlStore } from '../api/sql-store.js';
import { withLiveStates } from '../cli/live-state.js';
import { formatServerKey, formatServiceKey, parseServerKey, parseServiceKey } from '../cli/service-address.js';
import { DrainError, type DrainLog } from '../drain/drain.js';
import { DrainMemory, drainMemoryBeside } from '../drain/memory.js';
import { findKnob, knobs, noSuchKnob } from '../knob/catalogue.js';
import { allowed, BadKnobValue, parseKnobValue } from '../knob/value.js';
import type { Row, Values } from '../report/report.js';
import { Administration, type RealServer, type VirtualService } from '../wire/administration.js';
import { CaptureClient } from '../wire/client.js';
import { CaptureRefusal, ConnectionError } from '../wire/errors.js';
import { drainAction, drainDocuments } from './drains.js';
import { ConsoleError } from './errors.js';

/** Lifetimes of the past do not change in a minute, ms. */
const HISTORY_MS = 60_000;

/** What can be seen and turned at the balancer, through the capture. Everything rejects with ConsoleError, a sentence. */
export class Desk {
  private readonly socket: string;
  readonly log: DrainLog;
  readonly memory: DrainMemory;
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
        if (before !== undefined && performance.now() - before.at < HISTORY_MS) return before.answer;
        for (const [old, { at }] of this.asked) if (performance.now() - at >= HISTORY_MS) this.asked.delete(old);
        const answer = store.query(query, { format });
        this.asked.set(key, { at: performance.now(), answer });
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

  /** Rows of `report who` with the state of now in those that are open, as far as the capture can be asked. */
  withStates(rows: readonly Row[], values: Values): Promise<readonly Row[]> {
    return withLiveStates(this.socket, rows, values);
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
            // Where the default is only words, as it depends on the machine, nobody can tell.
            changed: fallback !== undefined && reading.problem === '' && reading.value !== fallback,
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

  /** What is quiesced: what is left on it, and for how long. */
  drains(): Promise<unknown[]> {
    return this.with((client) => drainDocuments(client, this));
  }

  /** Begins (`quiesce`), ends (`cancel`) or completes (`remove`) a drain of a host or a real server for somebody, in all services or in one. */
  drain(action: string, of: string, service: string | undefined, whom: string): Promise<unknown> {
    return this.with((client) => drainAction(client, this, action, of, service, author(whom)));
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
