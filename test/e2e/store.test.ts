import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createEmbeddedStore } from '../../src/store/index.js';
import { toLong, v1 } from '../../src/wire/proto.js';

test('a segment across midnight, delivered twice, is there once', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'vslog-store-'));
  const store = createEmbeddedStore({ dir: join(dir, 'ch') });
  try {
    const address = (last: number): Uint8Array => Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, last]);
    const midnight = BigInt(Math.floor(Date.now() / 86_400_000)) * 86_400_000_000_000n;
    const event = (sequence: bigint, kind: number, reason: number): Uint8Array =>
      v1.ConnEvent.encodeDelimited({
        kind,
        reason,
        sequence: toLong(sequence),
        time_ns: toLong(midnight - 2n + sequence),
        conn_id: toLong(7n),
        client_addr: address(9),
        virtual_addr: address(2),
        real_addr: address(1),
      }).finish();
    const path = join(dir, '1.conn.pb');
    writeFileSync(path, Buffer.concat([event(1n, 1, 0), event(2n, 2, 1)]));
    const segment = {
      id: 1,
      record: 'conn',
      node: 'n',
      epoch: 'e',
      ranges: [{ first: 1n, last: 2n }],
      count: 2,
      bytes: 0,
      sha256: '',
      chain: '',
      path,
    } as const;
    await store.deliver(segment);
    await store.deliver(segment);
    expect(existsSync(join(dir, 'ch', '__cache__'))).toBe(true);
    const ask = async (sql: string): Promise<string> => Buffer.from(await store.query(sql, { format: 'TSV' })).toString();
    expect(await ask('select count(), uniq(toDate(time_ns)) from conn_events')).toBe('2\t2\n');
    expect(await ask("select real_addr, reason from connections where real_addr = '10.0.0.1'")).toBe('10.0.0.1\ttimeout\n');
    await expect(store.query("select * from file('/etc/passwd')", { format: 'TSV' })).rejects.toThrow('not allowed');
    await expect(store.query('drop table conn_events', { format: 'TSV' })).rejects.toThrow('Only SELECT');
  } finally {
    await store.close();
    rmSync(dir, { recursive: true, force: true });
  }
});
