import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createEmbeddedStore, type EmbeddedStore } from '../../src/store/embedded/store.js';
import { until } from '../support/patience.js';
import { ask, segmentOf, shortConnections } from './store-segments.js';

let dir: string;
let store: EmbeddedStore;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vslog-store-'));
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

it('an engine that is too slow for a segment gets it done all the same, and once', async () => {
  // No machine puts so much away in that time.
  store = createEmbeddedStore({ dir: join(dir, 'store'), deliverTimeoutMs: 50 });
  const pairs = 50_000;
  const segment = segmentOf(dir, shortConnections(pairs), [{ first: 1n, last: BigInt(2 * pairs) }]);
  const reasons = new Set<string>();
  await until('a delivery', () =>
    store.deliver(segment).then(
      () => true,
      (error: unknown) => {
        reasons.add(String(error));
        return false;
      },
    ),
  );
  expect([...reasons].join('\n')).toMatch(/SIGKILL/);
  expect(store.status().starts).toBeGreaterThan(1);
  expect(await ask(store, 'SELECT count(), uniqExact(sequence) FROM conn_events')).toBe(`${2 * pairs}\t${2 * pairs}`);
});
