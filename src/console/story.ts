import type { SqlStore } from '../api/sql-store.js';
import { valuesOf } from '../cli/report-values.js';
import { CLIENT, NODE, type Parameter, SINCE, UNTIL, type Values } from '../report/report.js';
import { who } from '../report/who.js';
import { clientStory } from '../story/client.js';
import { connectionStory, NoSuchConnection } from '../story/connection.js';
import type { ClientAnswer, ConnectionStory } from '../story/document.js';
import type { Ask, WithStates } from '../story/told.js';
import { ConsoleError } from './errors.js';
import { zoneOf } from './span.js';

/** A story is some short questions: each may take so long (s), and answer so many rows. */
const LIMITS = { seconds: 15, rows: 1000 };

const PARAMETERS: readonly Parameter[] = [{ ...CLIENT, required: true }, SINCE, UNTIL, NODE];

/**
 * The story of a client (`client`, `since`, `until`, `node`), or of a connection (`conn`, `node`). Rejects with ConsoleError or Failure, a sentence.
 */
export async function askStory(
  store: SqlStore,
  states: WithStates,
  said: URLSearchParams,
  signal: AbortSignal,
): Promise<ClientAnswer | ConnectionStory> {
  const ask = asking(store, signal);
  const id = said.get('conn') ?? '';
  return id === '' ? ofClient(ask, states, said) : ofConnection(ask, states, id, said.get('node') ?? '');
}

async function ofClient(ask: Ask, states: WithStates, said: URLSearchParams): Promise<ClientAnswer> {
  const client = said.get('client') ?? '';
  if (client === '') throw new ConsoleError(400, 'Say whose story: client=ADDRESS, or conn=NUMBER with the node of its director.');
  const zone = zoneOf(said);
  const now = Date.now();
  const options = Object.fromEntries(PARAMETERS.map(({ flag }) => [flag, said.get(flag) || undefined]));
  const values: Values = valuesOf({ ...who, parameters: PARAMETERS }, options, now, zone);
  return { client, since: values.since ?? 0, until: values.until ?? now, ...(await clientStory(ask, states, values)) };
}

async function ofConnection(ask: Ask, states: WithStates, id: string, node: string): Promise<ConnectionStory> {
  if (!/^[1-9]\d{0,19}$/.test(id))
    throw new ConsoleError(400, `conn is ${JSON.stringify(id)}: it must be the number of a connection, column conn_id of connections.`);
  try {
    return await connectionStory(ask, states, BigInt(id), node === '' ? undefined : node, Date.now());
  } catch (error) {
    if (error instanceof NoSuchConnection) throw new ConsoleError(404, error.message);
    throw error;
  }
}

function asking(store: SqlStore, signal: AbortSignal): Ask {
  return async ({ sql, columns }) => {
    const answer = await store.query(sql, { format: 'JSONCompact', limits: LIMITS, signal });
    const { data } = JSON.parse(Buffer.from(answer).toString('utf8')) as { data: readonly (readonly unknown[])[] };
    return data.map((cells) => Object.fromEntries(columns.map((column, i) => [column, cells[i]])));
  };
}
