import { chmodSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Vslog } from './support/vslog.js';

/*
 * How long a command takes to start is how much it loads. The engine of JavaScript writes down every script that a process has compiled, modules and CommonJS alike
 * (NODE_V8_COVERAGE); these tests count them, and measure no time.
 */

interface Coverage {
  readonly result: readonly { readonly url: string }[];
}

const ROOT = join(import.meta.dirname, '../..');
const vslog = new Vslog();
let runs = 0;

beforeAll(async () => {
  const up = vslog.up('--source', 'engine');
  await up.says(/^ready: /m);
  await up.says(/capture: ready/);
});

afterAll(() => vslog.clean());

/** Files that a command line loads, of ours below the checkout and of packages; and what it prints. */
async function loaded(...args: string[]): Promise<{ files: string[]; out: string }> {
  const folder = join(vslog.dir, `scripts-${runs++}`);
  mkdirSync(folder);
  // Whoever the command runs as writes there.
  chmodSync(folder, 0o777);
  const { code, out, err } = await vslog.with({ NODE_V8_COVERAGE: folder }).ran(...args);
  vslog.with({ NODE_V8_COVERAGE: undefined });
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const urls = readdirSync(folder).flatMap((name) =>
    (JSON.parse(readFileSync(join(folder, name), 'utf8')) as Coverage).result.map(({ url }) => url),
  );
  const files = [...new Set(urls)].filter((url) => url.startsWith('file:')).map((url) => fileURLToPath(url).replace(`${ROOT}/`, ''));
  expect(files).toContain('dist/main.js');
  return { files, out };
}

const packagesOf = (files: readonly string[]): string[] => [
  ...new Set(files.flatMap((file) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? [])),
];

/** What no short question needs: the sinks, the metrics, the store, and all the commands that it does not name. */
const NEVER = /^node_modules\/(?:zod|prom-client|@opentelemetry|kafkajs|chdb|@clickhouse|lz4-napi|cli-progress|@bokuweb|smol-toml)\b/;
const NEVER_OURS =
  /^dist\/(?:collector|sink|store|spool\/(?!errors)|metrics|console|clickhouse-http|cli\/(?:up|collect|capture|verify)\.js)/;
const WIRE = /^dist\/wire\/(?!errors)|^node_modules\/(?:protobufjs|long)\//;

describe('a command loads what it needs', () => {
  it('--version: nothing', async () => {
    const { files, out } = await loaded('--version');
    expect(out).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(files.sort()).toEqual(['dist/cli/version.js', 'dist/main.js']);
  });

  it('--help: no command', async () => {
    const { files, out } = await loaded('--help');
    expect(out).toContain('Prove and mend:');
    expect(packagesOf(files)).toEqual(['commander', 'picocolors']);
    expect(files.length, files.join('\n')).toBeLessThanOrEqual(28);
  });

  it('sql: nothing of the wire, no reader of a file that is not there, no table in a pipe', async () => {
    const { files, out } = await loaded('sql', 'SELECT 1 AS one');
    expect(out).toBe('one\n1\n');
    expect(files.filter((file) => NEVER.test(file) || NEVER_OURS.test(file) || WIRE.test(file))).toEqual([]);
    expect(packagesOf(files)).toEqual(['commander', 'picocolors']);
    expect(files.length, files.join('\n')).toBeLessThanOrEqual(56);
  });

  it('knob ls: one of the commands of knob', async () => {
    const { files, out } = await loaded('knob', 'ls', 'conn_reuse_mode');
    expect(out).toContain('conn_reuse_mode');
    expect(files.filter((file) => NEVER.test(file) || NEVER_OURS.test(file))).toEqual([]);
    expect(files.filter((file) => /^dist\/cli\/knob\//.test(file)).sort()).toEqual(
      ['ask', 'index', 'ls', 'text'].map((name) => `dist/cli/knob/${name}.js`),
    );
    expect(files.length, files.join('\n')).toBeLessThanOrEqual(94);
  });

  it('the completion, at every TAB: the command that the line names', async () => {
    const { files, out } = await loaded('completion', 'words', '--', 'kn');
    expect(out).toMatch(/^knob\t/);
    expect(files.filter((file) => NEVER.test(file) || NEVER_OURS.test(file) || WIRE.test(file))).toEqual([]);
    expect(files.length, files.join('\n')).toBeLessThanOrEqual(34);
    const more = await loaded('completion', 'words', '--', 'sql', '--fo');
    expect(more.out).toMatch(/^--format\t/);
    expect(more.files.filter((file) => NEVER.test(file) || NEVER_OURS.test(file) || WIRE.test(file))).toEqual([]);
  });
});
