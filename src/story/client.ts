import { nodest } from '../report/nodest.js';
import type { Row, Values } from '../report/report.js';
import { ofEvents, presentConnections, viewEndpoint, viewService, virtualText } from '../report/sql.js';
import { parseAddress } from '../wire/address.js';
import type { Place } from '../wire/conn-filter.js';
import { changesOf } from './changes.js';
import type { ClientStory } from './document.js';
import { type Ask, newest, type WithStates } from './told.js';

/** So many connections are told of one by one. */
export const TOLD = 200;
/** So many rows of each other kind. */
const ROWS = 100;
/** The changes of so many real servers are asked for, those with most of its connections. */
const REALS = 50;

/** The story of the client of `values`, which also has a time. Rejects with the log's sentence. */
export async function clientStory(ask: Ask, states: WithStates, values: Values): Promise<ClientStory> {
  const [totals, outcomes, stays, connections, drops, refusals] = await Promise.all([
    ask({ columns: TOTAL, sql: totalSql(values) }),
    ask({ columns: OUTCOME, sql: outcomeSql(values) }),
    ask({ columns: STAY, sql: staySql(values) }),
    newest(ask, states, { ...values, limit: TOLD }),
    ask(nodest.question({ ...values, by: 'client', limit: ROWS })),
    ask({ columns: REFUSED, sql: refusedSql(values) }),
  ]);
  const { client: _client, ...when } = values;
  const changes = await changesOf(ask, { ...when, real: placesOf(stays), limit: ROWS });
  const total = totals[0] ?? {};
  return {
    total: {
      ...{ connections: whole(total, 'connections'), open: whole(total, 'open'), cut: whole(total, 'cut'), bytes: whole(total, 'bytes') },
      ...{
        clients: whole(total, 'clients'),
        services: whole(total, 'services'),
        reals: whole(total, 'reals'),
        nodes: whole(total, 'nodes'),
      },
      ...{ first: time(total, 'first'), last: time(total, 'last') },
    },
    outcomes: outcomes.map((row) => ({ outcome: String(row.outcome), connections: whole(row, 'connections') })),
    stays: stays.map((row) => ({
      ...{ service: String(row.service), real: String(row.real), node: String(row.node) },
      ...{ connections: whole(row, 'connections'), open: whole(row, 'open'), cut: whole(row, 'cut') },
      ...{ first: whole(row, 'first'), last: time(row, 'last') },
    })),
    connections,
    drops: drops.map((row) => ({
      ...{ service: String(row.service), real: String(row.real_server), packets: whole(row, 'packets') },
      ...{ connections: whole(row, 'connections'), first: whole(row, 'first'), last: whole(row, 'last'), removed: time(row, 'removed') },
    })),
    refusals: refusals.map((row) => ({
      ...{ service: String(row.service), node: String(row.node), connections: whole(row, 'connections') },
      ...{ first: whole(row, 'first'), last: whole(row, 'last') },
    })),
    changes,
  };
}

const whole = (row: Row, name: string): number => Number(row[name] ?? 0);
const time = (row: Row, name: string): number | null => (row[name] === null || row[name] === undefined ? null : Number(row[name]));

/** The real servers of rows. */
function placesOf(rows: readonly Row[]): Place[] {
  const found = new Map<string, Place>();
  for (const row of rows) {
    const address = parseAddress(String(row.real_ip));
    // All zero: there was none.
    if (address?.some((byte) => byte !== 0)) found.set(String(row.real), { address, prefix: 128, port: whole(row, 'real_port') });
  }
  return [...found.values()].slice(0, REALS);
}

// In all of these the aliases are other than the view's columns, which they would hide everywhere in the query.
const FIRST = 'toUnixTimestamp64Milli(min(start))';
const LAST = 'if(countIf(is_open) > 0, NULL, toUnixTimestamp64Milli(max(assumeNotNull(end))))';

const TOTAL = ['connections', 'open', 'cut', 'bytes', 'clients', 'services', 'reals', 'nodes', 'first', 'last'] as const;

function totalSql(values: Values): string {
  return `SELECT count() AS connections, countIf(is_open) AS open, countIf(is_cut) AS cut, sum(bytes_in + bytes_out) AS bytes, uniqExact(client_ip) AS clients, uniqExact(${viewService()}) AS services, uniqExact((real_ip, real_port)) AS reals, uniqExact(node) AS nodes, if(count() = 0, NULL, ${FIRST}) AS first, if(count() = 0, NULL, ${LAST}) AS last FROM connections WHERE ${presentConnections(values)}`;
}

const OUTCOME = ['outcome', 'connections'] as const;

function outcomeSql(values: Values): string {
  return `SELECT toString(outcome) AS how, count() AS connections FROM connections WHERE ${presentConnections(values)} GROUP BY how ORDER BY connections DESC, how`;
}

const STAY = ['service', 'real', 'node', 'real_ip', 'real_port', 'connections', 'open', 'cut', 'first', 'last'] as const;

function staySql(values: Values): string {
  return `SELECT ${viewService()} AS service, ${viewEndpoint('real')} AS real, node, toString(any(real_ip)) AS ip, any(real_port) AS port, count() AS connections, countIf(is_open) AS open, countIf(is_cut) AS cut, ${FIRST} AS first, ${LAST} AS last FROM connections WHERE ${presentConnections(values)} GROUP BY service, real, node ORDER BY connections DESC, service, real, node LIMIT ${ROWS}`;
}

const REFUSED = ['service', 'node', 'connections', 'first', 'last'] as const;

function refusedSql(values: Values): string {
  return `SELECT ${virtualText()} AS service, node, count() AS connections, toUnixTimestamp64Milli(min(time_ns)) AS first, toUnixTimestamp64Milli(max(time_ns)) AS last FROM incidents WHERE kind = 'sched_fail' AND ${ofEvents(values)} GROUP BY service, node ORDER BY connections DESC, service LIMIT ${ROWS}`;
}
