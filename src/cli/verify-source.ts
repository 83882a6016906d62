import type { ApiClient } from '../api/client.js';
import type { Values } from '../config/schema.js';
import { quote } from '../store/quote.js';
import { CaptureClient, type ConnEvent } from '../wire/client.js';
import { EVERY_CONNECTION } from '../wire/conn-filter.js';
import { toBigInt } from '../wire/proto.js';
import { explained } from './capture-answer.js';
import { protocolName } from './event.js';
import { Exit } from './exit-codes.js';
import { exitCodeOf, sentence } from './failure.js';
import { compareSource, type Difference, notCompared, type Sides, type SourceReport } from './source-comparison.js';

/** A table of millions may take a while. */
const ANSWER_MS = 120_000;

/** Compares the capture's source with the running collector's store. `exit`: what the command's end means when that could not be done, or the two differ. */
export async function verifySource(values: Values, api: ApiClient, waitMs: number): Promise<{ report: SourceReport; exit: number }> {
  if (values['store.kind'] === 'none') {
    return { report: notCompared('There is no store (store.kind is "none") to compare the source with.'), exit: Exit.refused };
  }
  const client = new CaptureClient({ path: values['capture.socket'], software: 'vslog verify' });
  try {
    const { node, epoch } = await client.connect();
    const ours = `node = ${quote(node)} AND epoch = ${quote(epoch)}`;
    let listed = new Set<bigint>();
    const sides: Sides = {
      list: (each) => {
        listed = new Set();
        const take = (event: ConnEvent): void => {
          listed.add(toBigInt(event.conn_id));
          each(event);
        };
        return client.listConnections(EVERY_CONNECTION, take, ANSWER_MS);
      },
      sequence: async () => toBigInt((await client.sourceStatus(ANSWER_MS)).next_sequence) - 1n,
      lacks: (sequence) => lacks(api, ours, sequence),
      // One that was erased is there still, and no more in the log: its number is.
      openInLog: async () => {
        const open = await idsOf(api, openSql(ours));
        for (const id of await idsOf(api, erasedSql(ours))) if (listed.has(id)) open.add(id);
        return open;
      },
      describe: (ids) => describe(api, ours, ids),
    };
    const report = await compareSource(sides, { waitMs });
    return { report, exit: report.ok ? Exit.ok : Exit.incomplete };
  } catch (error) {
    const told = explained(error);
    return { report: notCompared(sentence(told)), exit: exitCodeOf(told) };
  } finally {
    client.close();
  }
}

/** By the ledger: how many of the events up to a sequence, from the first that it has on, the store lacks. */
export function lackingSql(ours: string, sequence: bigint): string {
  return `SELECT if(count() = 0, ${sequence}, ${sequence} - min(first) + 1 - sum(least(last, ${sequence}) - first + 1)) FROM batches FINAL WHERE ${ours} AND first <= ${sequence}`;
}

async function lacks(api: ApiClient, ours: string, sequence: bigint): Promise<number> {
  if (sequence <= 0n) return 0;
  const answer = await api.sql(lackingSql(ours, sequence), 'TSV');
  return Number(answer.toString('utf8'));
}

/** The answer is of one UInt64 a connection. */
export function openSql(ours: string): string {
  return `SELECT conn_id FROM connections WHERE ${ours} AND is_open`;
}

/** The connections of which an event was erased. The answer is of one UInt64 a connection. */
export function erasedSql(ours: string): string {
  return `SELECT DISTINCT conn_id FROM conn_events WHERE ${ours} AND kind = 'erased' AND conn_id != 0`;
}

async function idsOf(api: ApiClient, sql: string): Promise<Set<bigint>> {
  const bytes = await api.sql(sql, 'RowBinary');
  const ids = new Set<bigint>();
  for (let at = 0; at + 8 <= bytes.length; at += 8) ids.add(bytes.readBigUInt64LE(at));
  return ids;
}

interface Row {
  readonly id: string;
  readonly protocol: number;
  readonly client: string;
  readonly virtual: string;
  readonly real: string;
}

/** The answer's rows are of type Row. */
export function describeSql(ours: string, ids: readonly bigint[]): string {
  const endpoint = (name: string): string =>
    `concat(if(position(${name}_addr, ':') > 0, concat('[', ${name}_addr, ']'), ${name}_addr), ':', toString(${name}_port)) AS ${name}`;
  return `SELECT toString(conn_id) AS id, protocol, ${['client', 'virtual', 'real'].map(endpoint).join(', ')} FROM connections WHERE ${ours} AND conn_id IN (${ids.join(', ')}) ORDER BY conn_id`;
}

async function describe(api: ApiClient, ours: string, ids: readonly bigint[]): Promise<Difference[]> {
  if (ids.length === 0) return [];
  const answer = await api.sql(describeSql(ours, ids), 'JSONEachRow');
  return answer
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const { id, protocol, client, virtual, real } = JSON.parse(line) as Row;
      return { only: 'log', conn_id: id, protocol: protocolName(protocol), client, virtual, real };
    });
}
