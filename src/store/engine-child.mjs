// Runs ClickHouse for the collector, which forks this file: plain JavaScript so that it runs from src/ and dist/ alike.
import { Session } from 'chdb';

let session;
process.on('disconnect', () => process.exit(0));
process.on('message', async ({ id, dir, sql, format }) => {
  try {
    if (dir !== undefined) {
      session = new Session(dir);
      process.send({ id, bytes: new Uint8Array() });
      return;
    }
    const result = await session.queryAsync(sql, { format });
    process.send({ id, bytes: result.bytes() });
  } catch (error) {
    process.send({ id, error: String(error?.message ?? error).split('\n')[0] });
  }
});
