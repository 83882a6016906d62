import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { valuesOf } from '../../src/cli/report-values.js';
import { reuse } from '../../src/report/reuse.js';
import { createEmbeddedStore, type Store } from '../../src/store/index.js';
import { toLong, v1 } from '../../src/wire/proto.js';
import { connEvent, segmentOf, v4 } from './store-segments.js';

const dir = mkdtempSync(join(tmpdir(), 'vslog-reuse-'));
const SECOND = 1_000_000_000n;
/** Some minutes ago, ms. */
const BEGIN = Date.now() - 600_000;
const UDP = 17;
let store: Store;

/** A connection of client port 5001 from one second to another one. */
function life(
  conn: bigint,
  protocol: number,
  from: number,
  to: number,
  reason: keyof typeof v1.EndReason.Value,
): ((sequence: bigint) => Uint8Array)[] {
  const at = (seconds: number): bigint => BigInt(BEGIN) * 1_000_000n + BigInt(seconds) * SECOND;
  const fields = { conn, protocol, client_port: 5001, virtual_port: 53, real_addr: v4(11), real_port: 53, created_ns: toLong(at(from)) };
  return [
    (sequence) => connEvent({ ...fields, kind: 'create', sequence, time: at(from) }),
    (sequence) =>
      connEvent({
        ...fields,
        kind: 'expire',
        sequence,
        time: at(to),
        duration_ns: toLong(at(to) - at(from)),
        reason: v1.EndReason.Value[reason],
      }),
  ];
}

beforeAll(async () => {
  store = createEmbeddedStore({ dir: join(dir, 'ch') });
  const events = [
    // Ten datagrams of a one-packet service, each of which is a connection.
    ...Array.from({ length: 10 }, (_, i) => life(BigInt(i + 1), UDP, 20 + i, 20 + i, 'one_packet')).flat(),
    // The same port of UDP twice with a service that is not, the second time before the first had to end.
    ...life(21n, UDP, 60, 70, 'timeout'),
    ...life(22n, UDP, 80, 90, 'timeout'),
  ];
  await store.deliver(
    segmentOf(
      dir,
      events.map((event, i) => event(BigInt(i + 1))),
      [{ first: 1n, last: BigInt(events.length) }],
    ),
  );
});

afterAll(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

test('datagrams of a one-packet service are no reuse of a port', async () => {
  const question = reuse.question(valuesOf(reuse, { since: '1h' }, Date.now()));
  const answer = await store.query(question.sql, { format: 'JSONEachRow' });
  const rows = Buffer.from(answer)
    .toString('utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(rows).toHaveLength(1);
  expect(Number(rows[0]?.reused)).toBe(1);
});
