/*
 * A ClickHouse server to be killed: `process.ts DIR PORT [USER PASSWORD]`. Says "listening" when it can be asked; SIGTERM ends it cleanly.
 */
import { ClickHouseHttpServer } from '../../../src/clickhouse-http/server.js';
import { sqlAccess } from '../guards.js';
import { WritableBackend } from './writable-backend.js';

const [dir, port, user, password] = process.argv.slice(2);
if (dir === undefined || port === undefined) throw new Error('usage: process.ts DIR PORT [USER PASSWORD]');
const backend = new WritableBackend(dir);
const credentials = user === undefined || user === '' ? undefined : { user, password: password ?? '' };
const server = new ClickHouseHttpServer({
  backend,
  access: sqlAccess(credentials),
  maxBody: 64 * 1024 * 1024,
  maxQueries: 100,
  bodyMs: 0,
  maxSockets: 1000,
});
await server.listen(Number(port), '127.0.0.1');
process.once('SIGTERM', () => {
  void server
    .close()
    .then(() => backend.close())
    .finally(() => process.exit(0));
});
process.stdout.write('listening\n');
