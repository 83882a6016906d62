import type { SqlStore } from '../api/sql-store.js';
import type { StatusDocument } from '../api/status.js';
import type { Config } from '../config/load.js';
import { Endpoint, placeOf } from '../listen/endpoint.js';
import { Access } from './access.js';
import { loadAssets } from './assets.js';
import { Desk } from './desk.js';
import { ConsoleServer } from './server.js';
import { Tokens } from './tokens.js';

/** The console at an address of the configuration's; undefined when it wants none. Throws ConfigError. */
export function consoleEndpoint(
  config: Pick<Config, 'values' | 'origins'>,
  status: () => Promise<StatusDocument>,
  store: SqlStore | undefined,
): Endpoint | undefined {
  const place = placeOf(config, 'console.listen', 'console.token_file');
  if (place === undefined) return undefined;
  const { values } = config;
  const server = new ConsoleServer({
    assets: loadAssets(),
    status,
    store,
    desk: new Desk(values['capture.socket'], store),
    access: new Access(Tokens.read('console.token_file', values['console.token_file']), place.loopback),
  });
  return new Endpoint(server, place, 'the console', 'console-listen');
}
