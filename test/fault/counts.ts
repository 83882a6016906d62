import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nextEvent } from '../../src/wire/batch.js';
import { toBigInt, v1 } from '../../src/wire/proto.js';
import { readTopic } from '../support/kafka/topics.js';

/** What a sink has of one epoch, counted in the sink itself. */
export interface SinkCount {
  /** All copies. */
  readonly events: number;
  /** Sequences. */
  readonly distinct: number;
}

function counted(sequences: Iterable<number>): SinkCount {
  const all = new Set<number>();
  let events = 0;
  for (const sequence of sequences) {
    all.add(sequence);
    events++;
  }
  return { events, distinct: all.size };
}

/** In tables of ClickHouse. `ask`: resolves to the answer to a query in its own format; rejects when there is none. */
export async function countInTables(ask: (query: string) => Promise<string>, epoch: string): Promise<SinkCount> {
  const of = (table: string): string => `SELECT sequence FROM vslog.${table} WHERE epoch = '${epoch}'`;
  const query = `SELECT toString(count()), toString(uniqExact(sequence)) FROM (${of('conn_events')} UNION ALL ${of('control_events')})`;
  const [events = Number.NaN, distinct = Number.NaN] = (await ask(query)).trim().split('\t').map(Number);
  return { events, distinct };
}

/** Asks a ClickHouse server, in format TSV. Rejects with what it says when it refuses. */
export async function askServer(url: string, query: string): Promise<string> {
  const response = await fetch(url, { method: 'POST', body: `${query} FORMAT TSV` });
  const text = await response.text();
  if (!response.ok) throw new Error(`The server does not count: ${text}`);
  return text;
}

/** In the files of a folder, which are not compressed: lines of JSON. */
export function countInFiles(folder: string, epoch: string): SinkCount {
  function* sequences(): Generator<number> {
    for (const name of readdirSync(folder).filter((one) => /^(conn|control)-/.test(one)))
      for (const line of readFileSync(join(folder, name), 'utf8').split('\n')) {
        if (line === '') continue;
        const event = JSON.parse(line) as { readonly epoch: string; readonly sequence: number | string };
        if (event.epoch === epoch) yield Number(event.sequence);
      }
  }
  return counted(sequences());
}

/** In the topics of a broker. */
export async function countInTopics(brokers: string, epoch: string): Promise<SinkCount> {
  const found: number[] = [];
  for (const [topic, type] of [
    ['vslog.conn.v1', v1.ConnEvent],
    ['vslog.control.v1', v1.ControlEvent],
  ] as const)
    for (const { value, headers } of await readTopic(brokers, topic)) {
      if (headers.epoch !== epoch) continue;
      for (let at = 0; at < value.length; ) {
        const { start, end } = nextEvent(value, at);
        found.push(Number(toBigInt(type.decode(value.subarray(start, end)).sequence)));
        at = end;
      }
    }
  return counted(found);
}
