// One statement in a session of its own: what it sets is gone with it, and no other statement sees it. Plain JavaScript, as engine-child.mjs is.
import { Session } from 'chdb';

/**
 * @param {string} dir the data directory, which is open
 * @param {{ statements: readonly string[], sql: string, format: string }} question `statements` run first: USE and SET
 */
export async function ask(dir, { statements, sql, format }) {
  const session = new Session(dir);
  try {
    for (const statement of statements) session.query(statement);
    const answer = await session.queryAsync(sql, { format });
    return { bytes: answer.bytes(), rows: answer.rowsRead, read: answer.bytesRead, seconds: answer.elapsed };
  } finally {
    session.close();
  }
}
