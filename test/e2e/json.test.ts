import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reports } from '../../src/report/index.js';
import { expectDocument } from '../support/documents.js';
import { freePort } from '../support/ports.js';
import { SmallBalancer } from './support/small-balancer.js';
import { pointAt, within } from './support/within.js';

/** What commands write with -o json and -o jsonl is what docs/json says, of a real capture and collector. What Kafka and ClickHouse answer when they are there: kafka-errors and clickhouse-store. */

const balancer = new SmallBalancer();
let key = '';

beforeAll(async () => {
  await balancer.start('--console-listen', `127.0.0.1:${await freePort()}`);
  pointAt(balancer.vslog);
  key = join(balancer.vslog.dir, 'client.key');
  await within('key', 'rotate', '--client-key', key);
});
afterAll(() => balancer.stop());

interface Case {
  readonly document: string | readonly string[];
  /** Its answer is one object, not an array of them. */
  readonly object?: true;
  /** There is at least one. */
  readonly some?: true;
  readonly args: () => readonly string[];
}

const event = ['connection-event', 'control-event'] as const;
const CASES: readonly Case[] = [
  { document: 'connection-event', some: true, args: () => ['conn', 'ls'] },
  { document: 'expiry', object: true, args: () => ['conn', 'expire', '--all', '--dry-run'] },
  { document: event, some: true, args: () => ['tail', '--last', '9', '-n', '9'] },
  { document: 'sql-row', some: true, args: () => ['sql', 'SELECT * FROM connections'] },
  { document: 'virtual-service', some: true, args: () => ['vs', 'ls'] },
  { document: 'real-server', some: true, args: () => ['rs', 'ls'] },
  { document: 'drain', some: true, args: () => ['rs', 'drain', balancer.real, '--no-watch'] },
  { document: 'knob', some: true, args: () => ['knob', 'ls'] },
  { document: 'knob', some: true, args: () => ['knob', 'get', 'timeout_tcp', 'conn_reuse_mode'] },
  { document: 'knob-change', some: true, args: () => ['knob', 'set', 'timeout_tcp=800'] },
  { document: 'knob-difference', some: true, args: () => ['knob', 'diff'] },
  { document: 'knob-log', args: () => ['knob', 'log', 'timeout_tcp'] },
  { document: 'knob-explanation', object: true, args: () => ['knob', 'explain', 'expire_nodest_conn'] },
  { document: 'knob-explanation', object: true, args: () => ['knob', 'explain', 'real_weight'] },
  { document: 'knob', some: true, args: () => ['knob', 'timeout-udp'] },
  { document: 'knob-change', some: true, args: () => ['knob', 'timeout-udp', '200'] },
  { document: 'knob-setting', some: true, args: () => ['knob', 'real-weight'] },
  { document: 'knob-setting', some: true, args: () => ['knob', 'service-scheduler'] },
  { document: 'knob-change', args: () => ['knob', 'reset', 'timeout_udp', '--dry-run'] },
  ...reports.map(
    ({ name }): Case => ({
      document: `report-${name}`,
      ...(['who', 'rs', 'churn', 'top', 'changes', 'drain'].includes(name) ? { some: true } : {}),
      args: () => ['report', name, ...(name === 'rs' ? ['--rs', '127.0.0.1'] : [])],
    }),
  ),
  { document: 'status', object: true, args: () => ['status'] },
  { document: 'verification', object: true, args: () => ['verify'] },
  { document: 'verification', object: true, args: () => ['verify', '--source', '--since', '1h'] },
  { document: 'replay', object: true, args: () => ['replay', '--sink', 'embedded'] },
  { document: 'finding', some: true, args: () => ['doctor'] },
  { document: 'console-link', object: true, args: () => ['console'] },
  { document: 'config-check', object: true, args: () => ['config', 'check'] },
  { document: 'config-dump', object: true, args: () => ['config', 'dump'] },
  { document: 'sink', some: true, args: () => ['sink', 'ls'] },
  { document: 'subscriber', some: true, args: () => ['subscriber', 'ls'] },
  { document: 'key', some: true, args: () => ['key', 'ls', '--client-key', key] },
  { document: 'key-hash', some: true, args: () => ['key', 'hash', '192.0.2.7', '--client-key', key] },
];

const formOf = (args: readonly string[]): string => (args[0] === 'sql' ? '-f' : '-o');

describe('what a command writes is what docs/json says', () => {
  it.each(
    CASES.map((one) => ({
      ...one,
      name: one
        .args()
        .filter((word) => !word.startsWith('/'))
        .join(' '),
    })),
  )('vslog $name', async ({ document, object, some, args }) => {
    const answer = JSON.parse(await within(...args(), formOf(args()), 'json')) as unknown;
    expect(Array.isArray(answer)).toBe(object !== true);
    const entries = [answer].flat();
    if (some === true) expect(entries.length).toBeGreaterThan(0);
    for (const entry of entries) expectDocument(document, entry);
    // The same in lines, each of which is one of them.
    const lines = (await within(...args(), formOf(args()), 'jsonl')).split('\n').slice(0, -1);
    if (object === true) expect(lines).toHaveLength(1);
    if (some === true && args()[0] !== 'knob') expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expectDocument(document, JSON.parse(line));
  });

  it('vslog erase, by who may', async () => {
    const { out } = await balancer.vslog.ran('erase', '--client', '192.0.2.7', '--reason', 'test', '--dry-run', '--json');
    expectDocument('erasure', JSON.parse(out));
  });

  it('vslog knob apply, of what knob ls wrote, and knob diff', async () => {
    const file = join(balancer.vslog.dir, 'knobs.json');
    writeFileSync(file, await within('knob', 'ls', '--json'));
    expect(JSON.parse(await within('knob', 'diff', file, '--json'))).toEqual([]);
    await within('knob', 'set', 'timeout_tcp=700');
    const different = JSON.parse(await within('knob', 'diff', file, '--json')) as unknown[];
    expect(different).toEqual([{ name: 'timeout_tcp', value: 700, other: 800 }]);
    const changes = JSON.parse(await within('knob', 'apply', file, '--json')) as unknown[];
    expect(changes).toEqual([{ name: 'timeout_tcp', old_value: 700, new_value: 800 }]);
    expectDocument('knob-change', changes[0]);
  });

  it('vslog sink check, of servers that are not there', async () => {
    const kafka = await balancer.vslog.ran('sink', 'kafka', 'check', '--kafka-brokers', '127.0.0.1:1', '--json');
    expectDocument('kafka-topics', JSON.parse(kafka.out));
    const clickhouse = await balancer.vslog.ran('sink', 'clickhouse', 'check', '--clickhouse-url', 'http://127.0.0.1:1', '--json');
    expectDocument('clickhouse-check', JSON.parse(clickhouse.out));
  });

  it('vslog knob watch', async () => {
    const watch = balancer.vslog.start('knob', 'watch', '--json');
    for (let value = 300; !watch.said.includes('\n'); value++) await within('knob', 'set', `timeout_udp=${value}`);
    for (const line of watch.said.split('\n').filter((one) => one !== '')) expectDocument('control-event', JSON.parse(line));
    await watch.end();
  });

  it('of every command', () => {
    const elsewhere = [
      ...['erase', 'knob apply', 'knob watch', 'sink kafka check', 'sink clickhouse check', 'knob KNOB'], // above
      ...['sink kafka init'], // kafka-errors
    ];
    const documented = [...readFileSync('docs/json/README.md', 'utf8').matchAll(/^\| `vslog ([^`]+)` \|/gm)].map(([, name = '']) => name);
    const told = CASES.map(({ args }) => args().join(' '));
    expect(
      documented.filter((name) => !elsewhere.includes(name) && !told.some((one) => one === name || one.startsWith(`${name} `))),
    ).toEqual([]);
  });
});
