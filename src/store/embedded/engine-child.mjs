// Runs ClickHouse for the collector, which forks this file: plain JavaScript so that it runs from src/ and dist/ alike.
import { drainPending, Session } from 'chdb';
import { ask } from './ask.mjs';

/** By name. A session runs one statement after the other, so whatever must not wait for something else has a session of its own. */
const sessions = new Map();
let dir = '';

const close = async () => {
  for (const session of sessions.values()) session.close();
  await drainPending();
  process.exit(0);
};
const open = (message) => {
  const opened = new Session(message.dir);
  for (const sql of message.statements) opened.query(sql);
  sessions.set(message.session, opened);
  dir = opened.path;
};
const send = (message) => {
  if (process.connected) process.send(message);
};
const answer = async (message) => {
  switch (message.kind) {
    case 'open':
      return open(message);
    case 'ask':
      return ask(dir, message, () => send({ id: message.id, stopped: true }));
    default:
      return { bytes: (await sessions.get(message.session).queryAsync(message.sql, { format: message.format })).bytes() };
  }
};

// An interrupt at the terminal reaches the whole process group, but the collector still has segments to deliver: it says when to end.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
process.on('disconnect', () => void close());
process.on('message', async (message) => {
  const { id } = message;
  try {
    send({ id, ...(await answer(message)) });
  } catch (error) {
    send({ id, error: String(error?.message ?? error), failure: error?.name });
  }
});
