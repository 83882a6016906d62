import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mend } from '../../src/sink/mend.js';
import type { Loss } from '../../src/spool/loss.js';
import type { Segment } from '../../src/spool/segment.js';
import { createEmbeddedStore, type EmbeddedStore } from '../../src/store/index.js';
import { toLong, v1 } from '../../src/wire/proto.js';
import { ask, segmentOf, shortConnections } from './store-segments.js';

const PAIRS = 500;
const SEGMENTS = 3;
const EVENTS = 2 * PAIRS * SEGMENTS;
const dir = mkdtempSync(join(tmpdir(), 'vslog-damage-'));
const [folder, good] = [join(dir, 'ch'), join(dir, 'good')];
let spool: Segment[] = [];

const connSegment = (i: number): Segment =>
  segmentOf(dir, shortConnections(PAIRS, PAIRS * i), [{ first: BigInt(2 * PAIRS * i + 1), last: BigInt(2 * PAIRS * (i + 1)) }], {
    id: i + 1,
  });

/** Changes of the balancer, in an epoch of their own. */
function controlSegment(): Segment {
  const now = BigInt(Date.now()) * 1_000_000n;
  const events = Array.from({ length: 10 }, (_, i) =>
    v1.ControlEvent.encodeDelimited({
      kind: v1.ControlKind.Value.real_added,
      time_ns: toLong(now),
      sequence: toLong(BigInt(i + 1)),
    }).finish(),
  );
  return segmentOf(dir, events, [{ first: 1n, last: 10n }], { id: SEGMENTS + 1, record: 'control', epoch: 'changes' });
}

const copy = (from: string, to: string): void =>
  cpSync(from, to, { recursive: true, verbatimSymlinks: true, filter: (path) => !statSync(path, { throwIfNoEntry: false })?.isFIFO() });
const defined = (table: string): string => join(folder, 'metadata/vslog', `${table}.sql`);
const rows = (table: string): string => resolve(folder, 'data/vslog', readlinkSync(join(folder, 'data/vslog', table)));
const part = (table: string): string => {
  const name = readdirSync(rows(table))
    .filter((one) => /^[0-9a-z]+_\d+_\d+_\d+/.test(one))
    .sort()[0];
  return join(rows(table), name ?? 'none');
};
const zero = (path: string): void => writeFileSync(path, '');
const half = (path: string): void => truncateSync(path, Math.floor(statSync(path).size / 2));
const mutation = (table: string): string => join(rows(table), readdirSync(rows(table)).find((one) => /^mutation/.test(one)) ?? 'none');

beforeAll(async () => {
  spool = [...Array.from({ length: SEGMENTS }, (_, i) => connSegment(i)), controlSegment()];
  const store = createEmbeddedStore({ dir: folder });
  await store.start();
  for (const segment of spool) await store.deliver(segment);
  await expectWhole(store);
  await store.close();
  renameSync(folder, good);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function expectWhole(store: EmbeddedStore): Promise<void> {
  expect(await ask(store, 'SELECT count(), uniqExact(sequence) FROM conn_events')).toBe(`${EVENTS}\t${EVENTS}`);
  expect(await ask(store, 'SELECT count(), countIf(is_open), sum(packets_in) FROM connections')).toBe(
    `${EVENTS / 2}\t0\t${(3 * EVENTS) / 2}`,
  );
  expect(await ask(store, 'SELECT sum(creates), sum(ends), sum(packets_in) FROM rs_minute')).toBe(
    `${EVENTS / 2}\t${EVENTS / 2}\t${(3 * EVENTS) / 2}`,
  );
  expect(await ask(store, 'SELECT count(), uniqExact(sequence) FROM control_events')).toBe('10\t10');
  expect(await ask(store, 'SELECT count(), sum(count) FROM batches FINAL')).toBe(`${SEGMENTS + 1}\t${EVENTS + 10}`);
}

/** Damages a whole store, opens it, and makes it whole from what a spool has. Resolves to the losses that were told. */
async function opened(
  damage: () => void,
  sealed: readonly Segment[],
  check: (store: EmbeddedStore, losses: readonly Loss[]) => Promise<void>,
): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  copy(good, folder);
  damage();
  const said: string[] = [];
  const store = createEmbeddedStore({ dir: folder, note: (line) => said.push(line) });
  const losses: Loss[] = [];
  const source = { sealed: () => sealed, recordLoss: async (loss: Loss) => void losses.push(loss) };
  try {
    await store.start();
    await mend(store, source, SEGMENTS + 1);
    await check(store, losses);
    // What was told once is not told again.
    const told = losses.length;
    await mend(store, source, SEGMENTS + 1);
    expect(losses).toHaveLength(told);
    const { setAside } = store.status();
    expect(setAside.length).toBeGreaterThan(0);
    expect(said).toEqual(setAside.filter(({ what }) => said.includes(what)).map(({ what }) => what));
    for (const { place } of setAside) if (place !== null) expect(existsSync(place), place).toBe(true);
  } finally {
    await store.close();
  }
}

describe('a store of which something is damaged opens again', () => {
  it.each<[string, () => void, RegExp]>([
    [
      'an empty record of a mutation',
      () => zero(join(rows('conn_events'), 'mutation_900.txt')),
      /record of a change of table conn_events.*is empty/,
    ],
    ['a torn record of a mutation', () => half(mutation('conn_events')), /is torn/],
    ['a record of a mutation without its bytes', () => writeFileSync(mutation('conn_events'), Buffer.alloc(200)), /is torn/],
    [
      'a record of a mutation that only the engine finds wrong',
      () => writeFileSync(mutation('conn_events'), 'format version: 1\ncreate time: 2026-01-01 00:00:00\ncommands: DELETE WHERE (\n'),
      /does not open the table/,
    ],
    [
      'an empty format_version.txt',
      () => zero(join(rows('connections_ended'), 'format_version.txt')),
      /format_version.txt of table connections_ended is empty/,
    ],
    [
      'an empty version of a part',
      () => zero(join(part('conn_events'), 'txn_version.txt')),
      /txn_version.txt of table conn_events is empty/,
    ],
    ['a part with empty checksums', () => zero(join(part('conn_events'), 'checksums.txt')), /checksums.txt is empty/],
    [
      'a part with torn checksums',
      () => half(join(part('conn_events'), 'checksums.txt')),
      /cannot be read by the engine, which took it out/,
    ],
    ['a part without its columns', () => rmSync(join(part('conn_events'), 'columns.txt')), /columns.txt is missing/],
    ['a part with torn data', () => half(join(part('conn_events'), 'data.bin')), /which took it out/],
    [
      'an empty folder of a part',
      () => {
        const path = part('conn_events');
        rmSync(path, { recursive: true });
        mkdirSync(path);
      },
      /columns.txt is missing/,
    ],
    [
      'a part that the engine set aside before',
      () =>
        renameSync(part('conn_events'), join(rows('conn_events'), 'detached', `broken-on-start_${part('conn_events').split('/').at(-1)}`)),
      /which took it out/,
    ],
    ['a broken part of ended connections', () => zero(join(part('connections_ended'), 'checksums.txt')), /table connections_ended/],
    ['a broken part of open connections', () => zero(join(part('connections_open'), 'checksums.txt')), /table connections_open/],
    ['a broken part of the counts a minute', () => zero(join(part('rs_minute'), 'checksums.txt')), /table rs_minute/],
    ['a broken part of control events', () => zero(join(part('control_events'), 'checksums.txt')), /table control_events/],
    ['a broken part of the ledger', () => zero(join(part('batches'), 'count.txt')), /table batches/],
    ['a broken part of the migrations', () => zero(join(part('schema_migrations'), 'count.txt')), /table schema_migrations/],
    [
      'a table whose folder is gone',
      () => rmSync(rows('connections_ended'), { recursive: true }),
      /connections_ended.*is gone with all of its rows/,
    ],
    ['the events’ folder gone', () => rmSync(rows('conn_events'), { recursive: true }), /conn_events.*is gone with all of its rows/],
    ['an empty definition of a table', () => zero(defined('conn_events')), /definition of table conn_events.*is empty/],
    ['half a definition of a table', () => half(defined('conn_events')), /definition of table conn_events/],
    [
      'half a definition that ends with a line',
      () => writeFileSync(defined('conn_events'), `${readFileSync(defined('conn_events'), 'utf8').slice(0, 500)}\n`),
      /cannot be read by the engine/,
    ],
    ['a definition without its bytes', () => writeFileSync(defined('batches'), Buffer.alloc(100)), /definition of table batches.*is torn/],
    ['a definition that is gone', () => rmSync(defined('control_events')), /definition of table control_events.*is gone/],
    ['an empty definition of a view', () => zero(defined('connections')), /definition of table connections,.*is empty/],
    ['an empty definition of what fills a table', () => zero(defined('rs_minute_feed')), /rs_minute_feed.*is empty/],
    ['a file that is no definition', () => zero(join(folder, 'metadata/vslog/x.sq')), /is no definition of a table/],
    ['an empty definition of the migrations', () => zero(defined('schema_migrations')), /schema_migrations.*is empty/],
    ['an empty definition of the database', () => zero(join(folder, 'metadata/vslog.sql')), /definition of the database.*is empty/],
    ['half a definition of the database', () => half(join(folder, 'metadata/vslog.sql')), /definition of the database/],
    [
      'a database that is gone',
      () => {
        rmSync(join(folder, 'metadata/vslog.sql'));
        rmSync(join(folder, 'metadata/vslog'));
      },
      /definition of the database.*is gone/,
    ],
    [
      'definitions and copies torn',
      () => {
        rmSync(join(folder, 'definitions'), { recursive: true });
        half(defined('conn_events'));
      },
      /the store begins anew/,
    ],
  ])('with %s, and has all of it when the spool has it', async (_what, damage, sentence) => {
    await opened(damage, spool, async (store, losses) => {
      expect(
        store
          .status()
          .setAside.map(({ what }) => what)
          .join('\n'),
      ).toMatch(sentence);
      await expectWhole(store);
      expect(losses.filter(({ lost }) => lost > 0n)).toEqual([]);
      expect(losses.filter(({ unknown }) => unknown === true)).toHaveLength(sentence.source.includes('anew') ? 1 : 0);
      expect(await ask(store, 'SELECT count() = uniqExact(version) FROM schema_migrations FINAL')).toBe('1');
    });
  });

  it('tells exactly what the spool has no more, once, with its epoch and sequences', async () => {
    const damage = (): void => rmSync(rows('conn_events'), { recursive: true });
    await opened(damage, spool.slice(1), async (store, losses) => {
      expect(losses).toEqual([
        {
          where: 'sink',
          lost: BigInt(2 * PAIRS),
          id: expect.stringMatching(/^embedded-.+-n-e-conn$/),
          detail: expect.stringMatching(/^Sink embedded lost 1000 conn events that it had \(epoch e, sequences 1-1000\): damaged parts/),
        },
      ]);
      expect(await ask(store, 'SELECT count(), min(sequence) FROM conn_events')).toBe(`${EVENTS - 2 * PAIRS}\t${2 * PAIRS + 1}`);
      // The ledger says what is there; a spool that comes back brings the rest.
      expect(await ask(store, 'SELECT sum(count) FROM batches FINAL')).toBe(`${EVENTS - 2 * PAIRS + 10}`);
      for (const segment of spool) await store.deliver(segment);
      expect(await ask(store, 'SELECT count(), uniqExact(sequence) FROM conn_events')).toBe(`${EVENTS}\t${EVENTS}`);
    });
  });

  it('tells a loss once, by its identity, when it is broken off between two steps', async () => {
    rmSync(folder, { recursive: true, force: true });
    copy(good, folder);
    rmSync(rows('conn_events'), { recursive: true });
    const losses: Loss[] = [];
    for (let life = 0; life < 2; life++) {
      const store = createEmbeddedStore({ dir: folder });
      try {
        await store.start();
        const dying = {
          sealed: () => spool.slice(2),
          recordLoss: async (loss: Loss) => {
            losses.push(loss);
            if (life === 0) throw new Error('killed');
          },
        };
        const mended = mend(store, dying, SEGMENTS + 1);
        await (life === 0 ? expect(mended).rejects.toThrow('killed') : mended);
      } finally {
        await store.close();
      }
    }
    expect(losses).toHaveLength(2);
    expect(losses[0]).toEqual(losses[1]);
    expect(losses[0]?.lost).toBe(BigInt(4 * PAIRS));
  });
});
