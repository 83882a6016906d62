import { dirname, join } from 'node:path';
import { Command } from 'commander';
import { ApiClient } from '../../api/client.js';
import { type Forecast, forecast } from '../../drain/forecast.js';
import { lifetimesOf, lifetimesSql, weightBeforeSql } from '../../drain/history.js';
import { DrainMemory } from '../../drain/memory.js';
import { liveOf, type Place, type Rest, type RestConnection, restConnection, restOf } from '../../drain/rest.js';
import { Survival } from '../../drain/survival.js';
import { Administration, type ServerKey, type ServiceKey } from '../../wire/administration.js';
import { CaptureClient } from '../../wire/client.js';
import { CaptureRefusal } from '../../wire/errors.js';
import { formatAddress } from '../address.js';
import { explained } from '../capture-answer.js';
import { Exit } from '../exit-codes.js';
import { Failure, sentence } from '../failure.js';
import { addCapture, addCollector, apiSocket, captureSocket } from '../knob/ask.js';
import { plural } from '../numbers.js';
import { note, write } from '../output.js';
import { formatServerKey, formatServiceKey, parseServerKey, parseServiceKey, SERVICE_FORMS, sameServer } from '../service-address.js';
import { cutText, drainText, restText } from './drain-text.js';

/** How often the balancer is looked at. */
const LOOK_MS = 1000;
/** How often a line is written where nobody looks at a screen, when nothing changes. */
const LINE_MS = 30_000;
const ANSWER_MS = 60_000;

const EXAMPLES = `
Sets the weight to 0, remembers the old one, and watches what is left: new connections go elsewhere, those that are there live on. When they will be gone is predicted
from how long connections of the same virtual service lived before. Ctrl-C ends the watching; the real server stays quiesced.
ADDRESS is an address with port. SERVICE is ${SERVICE_FORMS}.

Exit codes: 0 safe to unplug (or cancelled), 7 something was still live when the time was over.

Examples:
  vslog rs drain 10.0.0.7:8080
  vslog rs drain 10.0.0.7:8080 --within 1h --then remove --yes
  vslog rs drain 10.0.0.7:8080 --within 0s       how does it stand?
  vslog rs drain 10.0.0.7:8080 --cancel`;

interface Options {
  readonly vs?: string;
  readonly within?: string;
  readonly then?: string;
  readonly yes?: boolean;
  readonly cancel?: boolean;
  readonly json?: boolean;
}

export function drainCommand(): Command {
  const command = new Command('drain')
    .description('Take a real server out of service without cutting anybody off, and say when its cable can be pulled.')
    .argument('<address>')
    .option('--vs <SERVICE>', 'only in this virtual service (default: in all that have it)')
    .option('--within <TIME>', 'wait so long at most: 90s, 15m, 1h (default: until it is empty)')
    .option('--then <ACTION>', 'when it is empty: remove')
    .option('--yes', 'remove it without a terminal to look at')
    .option('--cancel', 'give it its old weight back')
    .option('--json', 'a line of JSON a look')
    .addHelpText('after', EXAMPLES);
  addCapture(addCollector(command));
  return command.action(async (address: string, options: Options) => {
    const real = parseServerKey(address);
    const service = options.vs === undefined ? undefined : parseServiceKey(options.vs);
    if (options.then !== undefined && options.then !== 'remove')
      throw new Failure(Exit.usage, `--then is ${JSON.stringify(options.then)}: it must be remove.`);
    if (options.then !== undefined && options.yes !== true && process.stdout.isTTY !== true)
      throw new Failure(Exit.usage, '--then remove needs --yes where there is no terminal.');
    if (options.cancel === true && (options.then ?? options.within) !== undefined)
      throw new Failure(Exit.usage, '--cancel gives the weight back: leave --within and --then out.');
    const withinMs = options.within === undefined ? Number.POSITIVE_INFINITY : durationMs(options.within);
    const socket = captureSocket(command);
    const client = new CaptureClient({ path: socket, software: 'vslog rs drain' });
    try {
      await client.connect();
      const drain = new Drain(
        client,
        new ApiClient(apiSocket(command)),
        new DrainMemory(join(dirname(socket), 'drains.json')),
        real,
        service,
      );
      if (options.cancel === true) await drain.cancel();
      else await drain.run(withinMs, options.then === 'remove', options.json === true);
    } catch (error) {
      throw explained(error);
    } finally {
      client.close();
    }
  });
}

/** One real server, in one or all of its virtual services. */
class Drain {
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
        if (live === 0) return await this.safe(remove, json);
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
    const places = await this.places();
    const connections: RestConnection[] = [];
    const filter = {
      client: undefined,
      virtual: undefined,
      real: { address: this.real.address, prefix: 128, port: this.real.port },
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
          const { only } = this;
          const other =
            only !== undefined &&
            (only.fwmark !== 0 ? event.fwmark !== only.fwmark : Buffer.compare(event.virtual_addr, only.address) !== 0);
          if (!other) connections.push(restConnection(event));
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

  /** How long connections of its services lived; undefined when the collector cannot be asked. */
  private async history(): Promise<Survival | undefined> {
    try {
      const answers = await Promise.all(
        (await this.places()).map(({ service }) =>
          this.collector.sql(lifetimesSql(service.key, formatAddress(service.key.address)), 'JSONCompact'),
        ),
      );
      return new Survival(answers.flatMap(lifetimesOf));
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

  private async safe(remove: boolean, json: boolean): Promise<void> {
    if (remove) {
      for (const { service } of await this.places()) {
        await this.administration.change({ action: 'remove', service: service.key, real: this.real });
        this.forget(formatServiceKey(service.key));
        if (!json) await write(`${formatServiceKey(service.key)}: ${this.name} removed\n`);
      }
    }
    if (!json) await write(`safe to unplug: ${this.name} has no connection left\n`);
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

function predicted(survival: Survival, rest: Rest): Forecast | undefined {
  const ages = rest.connections?.flatMap(({ template, age }) => (template || age === undefined ? [] : [age]));
  return ages === undefined || ages.length === 0 ? undefined : forecast([{ survival, ages }]);
}

function durationMs(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(s|m|h|d)$/.exec(text) ?? [];
  const scale = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit ?? ''];
  if (number === undefined || scale === undefined)
    throw new Failure(Exit.usage, `--within is ${JSON.stringify(text)}: it must be a time such as 90s, 15m or 1h.`);
  return Number(number) * scale;
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
