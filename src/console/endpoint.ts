import type { ConsoleLink } from '../api/console-link.js';
import type { SqlStore } from '../api/sql-store.js';
import type { StatusDocument } from '../api/status.js';
import type { Config } from '../config/load.js';
import { Endpoint, placeOf } from '../listen/endpoint.js';
import { Guard } from '../listen/guard.js';
import type { Keyring } from '../listen/keyring.js';
import { Access } from './access.js';
import { loadAssets } from './assets.js';
import { Desk } from './desk.js';
import { ENTRANCE } from './door.js';
import { ConsoleServer } from './server.js';

/** The console at an address, and links to it. */
export interface ConsoleRoom {
  readonly endpoint: Endpoint;
  /** Undefined while nothing listens there. */
  link(seconds: number): ConsoleLink | undefined;
}

/** The console at an address of the configuration's; undefined when it wants none. `readers`: whose tokens count. Throws ConfigError. */
export function consoleEndpoint(
  config: Pick<Config, 'values' | 'origins'>,
  readers: Keyring,
  status: () => Promise<StatusDocument>,
  store: SqlStore | undefined,
): ConsoleRoom | undefined {
  const place = placeOf(config, 'console');
  if (place === undefined) return undefined;
  const access = new Access(new Guard({ ...place, keys: readers }));
  const server = new ConsoleServer({
    assets: loadAssets(),
    status,
    store,
    desk: new Desk(config.values['capture.socket'], store),
    access,
  });
  return {
    endpoint: new Endpoint(server, place, 'the console', 'console-listen'),
    link(seconds) {
      if (server.port === undefined) return undefined;
      return { url: `http://${hostOf(place.host)}:${server.port}${ENTRANCE}/${access.links.make(seconds * 1000)}`, seconds };
    },
  };
}

/** As a browser of this machine writes it. */
function hostOf(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
