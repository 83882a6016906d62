// Runs ClickHouse for the collector, which forks this file: plain JavaScript so that it runs from src/ and dist/ alike.
import { drainPending, Session } from 'chdb';
import { ask } from './ask.mjs';

/** Writes and may do all. */
let writer;
/** For people's questions: a session of its own on the same data whose settings the engine itself does not let them change. */
let reader;

const close = async () => {
  reader?.close();
  writer?.close();
  await drainPending();
  process.exit(0);
};
const session = (settings) => {
  const opened = new Session(writer?.path ?? settings.dir);
  for (const sql of settings.statements) opened.query(sql);
  return opened;
};
const answer = async (message) => {
  switch (message.kind) {
    case 'open':
      writer = session(message);
      return undefined;
    case 'reader':
      reader = session(message);
      return undefined;
    case 'ask':
      return ask(writer.path, message);
    default:
      return { bytes: (await (message.kind === 'read' ? reader : writer).queryAsync(message.sql, { format: message.format })).bytes() };
  }
};

// An interrupt at the terminal reaches the whole process group, but the collector still has segments to deliver: it says when to end.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
process.on('disconnect', () => void close());
process.on('message', async (message) => {
  const { id } = message;
  try {
    const answered = await answer(message);
    if (process.connected) process.send({ id, ...answered });
  } catch (error) {
    if (process.connected) process.send({ id, error: String(error?.message ?? error) });
  }
});
