import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Sink, SinkRejection } from '../../src/sink/sink.js';
import type { Segment, SequenceRange } from '../../src/spool/segment.js';
import type { Store } from '../../src/store/index.js';
import { toLong, v1 } from '../../src/wire/proto.js';
import { until } from '../support/patience.js';

/** Last midnight (UTC), ns. */
export const MIDNIGHT = BigInt(Math.floor(Date.now() / 86_400_000)) * 86_400_000_000_000n;

/** 10.0.0.`last` as the capture writes it. */
export function v4(last: number): Uint8Array {
  return Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, last]);
}

type ConnFields = { kind: keyof typeof v1.EventKind.Value; sequence: bigint; time?: bigint; conn?: bigint } & Omit<
  Parameters<typeof v1.ConnEvent.encodeDelimited>[0],
  'kind' | 'sequence' | 'time_ns' | 'conn_id'
>;

export function connEvent({ kind, sequence, time = MIDNIGHT, conn = 0n, ...rest }: ConnFields): Uint8Array {
  return v1.ConnEvent.encodeDelimited({
    protocol: 6,
    family: 4,
    client_addr: v4(9),
    virtual_addr: v4(2),
    real_addr: v4(1),
    ...rest,
    kind: v1.EventKind.Value[kind],
    sequence: toLong(sequence),
    time_ns: toLong(time),
    conn_id: toLong(conn),
  }).finish();
}

/** A segment whose file lies in `dir`. */
export function segmentOf(
  dir: string,
  events: readonly Uint8Array[],
  ranges: readonly SequenceRange[],
  more: Partial<Segment> = {},
): Segment {
  const body = Buffer.concat(events);
  const id = more.id ?? 1;
  const path = join(dir, `${id}-${events.length}.pb`);
  writeFileSync(path, body);
  const sha256 = createHash('sha256').update(body).digest('hex');
  return { id, record: 'conn', node: 'n', epoch: 'e', ranges, count: events.length, bytes: body.length, sha256, chain: '', path, ...more };
}

/** `pairs` connections after the first `before`, each a create and an expire, from sequence 1 + 2 * `before`; half of the time before midnight. */
export function shortConnections(pairs: number, before = 0): Uint8Array[] {
  const events: Uint8Array[] = [];
  for (let i = 0; i < pairs; i++) {
    const conn = BigInt(before + i + 1);
    const time = MIDNIGHT + BigInt(2 * i - pairs) * 1000n;
    const addresses = { real_addr: v4(1 + (i % 4)), client_port: 1024 + (i % 60_000) };
    events.push(connEvent({ kind: 'create', sequence: conn * 2n - 1n, conn, time, created_ns: toLong(time), state: 2, ...addresses }));
    events.push(
      connEvent({
        kind: 'expire',
        sequence: conn * 2n,
        conn,
        time: time + 500n,
        created_ns: toLong(time),
        duration_ns: toLong(500n),
        packets_in: toLong(3n),
        reason: v1.EndReason.Value.timeout,
        ...addresses,
      }),
    );
  }
  return events;
}

/** Delivers as the pump does: again and again until the sink takes it. A refusal for good rejects. */
export async function bring(sink: Sink, segment: Segment): Promise<void> {
  let last: unknown;
  const take = async (): Promise<boolean> => {
    try {
      await sink.start();
      await sink.deliver(segment);
      return true;
    } catch (error) {
      if (error instanceof SinkRejection) throw error;
      last = error;
      return false;
    }
  };
  await until(`segment ${segment.id} in sink ${sink.name}`, take, { detail: () => String(last) });
}

export async function ask(store: Store, sql: string): Promise<string> {
  return Buffer.from(await store.query(sql, { format: 'TSV' }))
    .toString('utf8')
    .trim();
}
