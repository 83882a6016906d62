// One statement in a session of its own: what it sets is gone with it, and no other statement sees it. Plain JavaScript, as engine-child.mjs is.
import { Session } from 'chdb';
import { collect, OverQuota } from './collect.mjs';

/**
 * @param {string} dir the data directory, which is open
 * @param {import('./ask.mjs').EngineQuestion} question
 * @param {() => void} onStopped
 */
export async function ask(dir, { statements, sql, format, target }, onStopped = () => undefined) {
  const session = new Session(dir);
  try {
    for (const statement of statements) session.query(statement);
    const collecting = target === undefined ? undefined : collect(target, onStopped);
    const [answer, failure] = await session.queryAsync(sql, { format }).then(
      (answered) => [answered, undefined],
      (error) => [undefined, error],
    );
    // That the answer was refused is the reason of whatever the engine says of it.
    const collected = await collecting?.end();
    if (answer === undefined) {
      await collecting?.cancel();
      throw failure;
    }
    // Some statements, such as EXPLAIN AST, write nowhere.
    const returned = answer.bytes();
    if (target !== undefined && returned.length > target.quota) throw new OverQuota('The answer is too large.');
    return {
      bytes: collected === undefined || collected.size === 0 ? returned : (collected.bytes ?? new Uint8Array()),
      stored: collected !== undefined && collected.bytes === undefined ? collected.size : 0,
      rows: answer.rowsRead,
      read: answer.bytesRead,
      seconds: answer.elapsed,
    };
  } finally {
    session.close();
  }
}
