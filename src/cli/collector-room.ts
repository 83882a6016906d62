import { dirname } from 'node:path';
import { closeDataFolder } from '../access/data-folder.js';
import { isOpenToReaders } from '../access/place.js';
import type { ConsoleLink } from '../api/console-link.js';
import { ApiServer } from '../api/server.js';
import { type StatusAbout, type StatusDocument, type StoreState, statusDocument } from '../api/status.js';
import type { BelievedClock } from '../clock/believed-clock.js';
import { openClock } from '../clock/open.js';
import { Collector, type Undelivered } from '../collector/collector.js';
import type { Config } from '../config/load.js';
import type { Values } from '../config/schema.js';
import { type ConsoleRoom, consoleEndpoint } from '../console/endpoint.js';
import type { Endpoint } from '../listen/endpoint.js';
import { Keyring } from '../listen/keyring.js';
import { readTokenFile } from '../listen/token-file.js';
import { metricsEndpoint } from '../metrics/endpoint.js';
import { configuredSinks } from '../sink/registry.js';
import type { Sink } from '../sink/sink.js';
import type { EmbeddedStatus } from '../store/index.js';
import { plural } from '../text/format.js';
import { collectorOptions } from './collector-options.js';
import { eraseDirectory, openEmbedded, openStore, type Store, spoolDirectory, storeDirectory } from './open-store.js';
import { note } from './output.js';
import { letReadersIn } from './reading-token.js';

/** Collector, store and API, as `collect` and `up` run them. */
export class CollectorRoom {
  /** It lives as long as this process: never settles. */
  readonly ended = new Promise<never>(() => undefined);
  private readonly values: Values;
  private readonly about: StatusAbout;
  private readonly collector: Collector;
  private readonly api: ApiServer;
  /** Where others may ask over the network. */
  private readonly endpoints: readonly Endpoint[];
  private readonly page: ConsoleRoom | undefined;
  /** Whose tokens open each of them. */
  private readonly readers: Keyring;
  /** What it keeps. */
  private readonly folders: readonly string[];

  private constructor(
    config: Pick<Config, 'values' | 'origins'>,
    version: string,
    { store, endpoint, readers, clock }: Rooms,
    sinks: readonly Sink[],
  ) {
    const { values } = config;
    this.values = values;
    this.readers = readers;
    this.folders = [spoolDirectory(values), storeDirectory(values)];
    const embedded = values['store.kind'] === 'embedded';
    this.collector = new Collector(collectorOptions(values, version, store === undefined ? sinks : [store, ...sinks], clock));
    const about = { version, store: { kind: values['store.kind'], dir: embedded ? storeDirectory(values) : null } };
    const metrics = metricsEndpoint(config, {
      readers,
      status: () => this.status(),
      store,
      note: (line) => note(line),
    });
    this.about = { ...about, storeState: () => storeState(store), metrics: () => metrics?.account() };
    this.api = new ApiServer({
      socket: values['collector.api_socket'],
      collector: this.collector,
      spoolDirectory: spoolDirectory(values),
      eraseDirectory: eraseDirectory(values),
      store,
      now: clock.now,
      consoleLink: (seconds) => this.page?.link(seconds),
      about: this.about,
    });
    this.page = consoleEndpoint(config, readers, () => this.status(), store);
    this.endpoints = [endpoint, metrics?.endpoint, this.page?.endpoint].filter((one) => one !== undefined);
  }

  /** Nothing is opened before start(). */
  static async make(config: Pick<Config, 'values' | 'origins'>, version: string): Promise<CollectorRoom> {
    const { values } = config;
    const clock = await openClock(spoolDirectory(values));
    const rooms = await makeRooms(config, clock);
    const sinks = await configuredSinks(values, { spoolDirectory: spoolDirectory(values), version, now: clock.now, note });
    return new CollectorRoom(config, version, rooms, sinks);
  }

  /** Takes the data directory and the sockets. Resolves to what a person should know. Rejects with a sentence, and holds nothing then. */
  async start(): Promise<readonly string[]> {
    // The socket first: it is what a second collector on the same paths trips over without having touched any data.
    await this.api.start();
    try {
      const notes: string[] = [...unreachable(this.values['collector.api_socket'])];
      notes.push(...closeDataFolder(this.values['collector.data_dir'], this.folders));
      notes.push(...letReadersIn(this.values, this.readers));
      for (const endpoint of this.endpoints) {
        const line = await endpoint.start();
        if (line !== undefined) notes.push(line);
      }
      await this.collector.start();
      notes.push(...this.collector.notes);
      return notes;
    } catch (error) {
      for (const endpoint of this.endpoints) await endpoint.stop();
      await this.api.stop();
      throw error;
    }
  }

  /** A link that opens the console once, for so many seconds; undefined: there is no console. */
  consoleLink(seconds: number): Promise<ConsoleLink | undefined> {
    return Promise.resolve(this.page?.link(seconds));
  }

  async status(): Promise<StatusDocument> {
    return statusDocument(await this.collector.status(), this.about);
  }

  /** It goes with this process. */
  kill(): void {}

  /** Resolves to whether every sink has everything. What one had not got in the time it was given is said to `tell`, and from time to time how much is left. */
  async stop(tell: (line: string) => void): Promise<boolean> {
    for (const endpoint of this.endpoints) await endpoint.stop();
    const delivered = await this.collector.stop({
      drainMs: this.values['collector.drain'],
      onWaiting: (events) => tell(`stopping: ${plural(events, 'event')} to go`),
      onUndelivered: (one) => tell(undeliveredText(one)),
    });
    await this.api.stop();
    return delivered;
  }
}

/** Says when those who may ask cannot come to the socket: its folder was there, and is its owner's. */
function unreachable(socket: string): string[] {
  const folder = dirname(socket);
  return isOpenToReaders(folder)
    ? []
    : [`Members of collector.read_group cannot come to ${socket}: "chmod 711 ${folder}", or choose another place.`];
}

function storeState(store: Store | undefined): StoreState | undefined {
  const status = store?.status();
  if (status === undefined || !('setAside' in status)) return undefined;
  const { disk, setAside } = status as EmbeddedStatus;
  return { disk: disk === null ? null : { free_bytes: disk.freeBytes, keep_free_bytes: disk.keepFreeBytes }, set_aside: setAside };
}

function undeliveredText({ sink, events, away }: Undelivered): string {
  const why = away === undefined ? '' : ` It takes nothing now: ${away}`;
  return `${plural(events, 'event')} for sink ${sink} ${events === 1 ? 'waits' : 'wait'} in the spool; the next start delivers ${events === 1 ? 'it' : 'them'}.${why}`;
}

interface Rooms {
  readonly readers: Keyring;
  readonly store: Store | undefined;
  /** What all of them take for now. */
  readonly clock: BelievedClock;
  /** Of the embedded store. */
  readonly endpoint: Endpoint | undefined;
}

async function makeRooms(config: Pick<Config, 'values' | 'origins'>, clock: BelievedClock): Promise<Rooms> {
  const { values } = config;
  const readers = new Keyring(readTokenFile('console.token_file', values['console.token_file']));
  if (values['store.kind'] !== 'embedded') return { readers, clock, store: await openStore(values, clock.now), endpoint: undefined };
  const store = await openEmbedded(values, clock.now, (line) => note(`Store: ${line}`));
  const { clickHouseEndpoint } = await import('../clickhouse-http/endpoint.js');
  return { readers, clock, store, endpoint: clickHouseEndpoint(config, readers, store) };
}
