import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { DOWNLOADS } from '../support/downloads.js';
import { COMMAND_MS, until } from '../support/patience.js';
import { freePorts } from '../support/ports.js';
import { Vslog } from './support/vslog.js';

const ROOT = join(import.meta.dirname, '../..');
const BIN = join(DOWNLOADS, 'prometheus/usr/bin');
const RULES = join(ROOT, 'deploy/prometheus');
const DASHBOARDS = join(ROOT, 'deploy/grafana/dashboards');
/** Where the shipped configuration looks for the token. */
const CREDENTIALS = '/etc/prometheus/vslog.token';

interface Target {
  readonly refId: string;
  readonly expr?: string;
  readonly rawSql?: string;
}
interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly Target[];
}
interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] };
}
interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly record?: string; readonly alert?: string; readonly expr: string }[] }[];
}

const dashboards = readdirSync(DASHBOARDS).map((name) => ({
  name,
  dashboard: JSON.parse(readFileSync(join(DASHBOARDS, name), 'utf8')) as Dashboard,
}));
const targets = dashboards.flatMap(({ name, dashboard }) =>
  dashboard.panels.flatMap((panel) => panel.targets.map((target) => ({ what: `${name}: ${panel.title} ${target.refId}`, ...target }))),
);
const rules = (parse(readFileSync(join(RULES, 'vslog.rules.yml'), 'utf8')) as Rules).groups.flatMap((group) => group.rules);

const vslog = new Vslog();
const dir = mkdtempSync(join(tmpdir(), 'vslog-prometheus-'));
let prometheus: ChildProcess | undefined;
let [metricsPort, sqlPort, promPort] = [0, 0, 0];

beforeAll(async () => {
  [metricsPort = 0, sqlPort = 0, promPort = 0] = await freePorts(3);
  const up = vslog.up(
    ...['--source', 'engine', '--load', '--load-rate', '500'],
    ...['--metrics-listen', `127.0.0.1:${metricsPort}`, '--clickhouse-http-listen', `127.0.0.1:${sqlPort}`],
  );
  await up.says(/ready/);
  copyFileSync(join(RULES, 'vslog.rules.yml'), join(dir, 'vslog.rules.yml'));
  // The one that is shipped, but for the port, and in more of a hurry.
  const config = readFileSync(join(RULES, 'prometheus.yml'), 'utf8');
  expect(config).toContain('127.0.0.1:9466');
  expect(config).toContain(`credentials_file: ${CREDENTIALS}`);
  writeFileSync(join(dir, 'vslog.token'), vslog.token(), { mode: 0o600 });
  const ours = config.replace('127.0.0.1:9466', `127.0.0.1:${metricsPort}`).replace(CREDENTIALS, join(dir, 'vslog.token'));
  writeFileSync(join(dir, 'prometheus.yml'), ours.replaceAll('15s', '1s'));
  prometheus = spawn(
    join(BIN, 'prometheus'),
    [`--config.file=${dir}/prometheus.yml`, `--storage.tsdb.path=${dir}/data`, `--web.listen-address=127.0.0.1:${promPort}`],
    { stdio: 'ignore' },
  );
  // A rate takes two samples.
  await until('Prometheus has asked twice', async () => {
    const answer = await ask('count_over_time(vslog_collector_events_total[1h])').catch(() => undefined);
    return Number(answer?.[0]?.value[1] ?? 0) >= 2;
  });
});

afterAll(async () => {
  if (prometheus !== undefined) {
    const ended = new Promise((resolve) => prometheus?.once('exit', resolve));
    prometheus.kill();
    await ended;
  }
  vslog.clean();
  rmSync(dir, { recursive: true, force: true });
});

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

/** What Prometheus answers; rejects with what it says is wrong. */
async function ask(query: string): Promise<readonly Sample[]> {
  const response = await fetch(`http://127.0.0.1:${promPort}/api/v1/query?${new URLSearchParams({ query })}`);
  const answer = (await response.json()) as { status: string; error?: string; data?: { result: readonly Sample[] } };
  if (answer.status !== 'success') throw new Error(answer.error);
  return answer.data?.result ?? [];
}

/** Waits until a metric was there at least once. What is there now may be missing: a busy collector does not always answer within the second that Prometheus gives it here. */
async function known(name: string): Promise<void> {
  await until(`the metric ${name}`, async () => (await ask(`last_over_time({__name__="${name}"}[1h])`)).length > 0);
}

/** Names of metrics in an expression. */
const namesIn = (expression: string): string[] => expression.match(/\bvslog_[a-z_]+/g) ?? [];

const promtool = (args: readonly string[], input = ''): string =>
  execFileSync(join(BIN, 'promtool'), args, { encoding: 'utf8', cwd: RULES, input, timeout: COMMAND_MS });

describe('the rules', () => {
  it('are read by promtool, and each alert fires when it should and only then', () => {
    expect(promtool(['check', 'config', '--syntax-only', 'prometheus.yml'])).toMatch(/SUCCESS/);
    // With the token that it names, which is on no machine that only tests.
    expect(promtool(['check', 'config', join(dir, 'prometheus.yml')])).toMatch(/SUCCESS/);
    expect(promtool(['check', 'rules', 'vslog.rules.yml'])).toMatch(/SUCCESS/);
    expect(promtool(['test', 'rules', 'vslog.rules.test.yml'])).toMatch(/SUCCESS/);
    const tested = readFileSync(join(RULES, 'vslog.rules.test.yml'), 'utf8');
    const alerts = rules.flatMap(({ alert }) => (alert === undefined ? [] : [alert]));
    expect(alerts.length).toBeGreaterThan(0);
    expect(alerts.filter((alert) => !tested.includes(`alertname="${alert}"`))).toEqual([]);
  });

  it('speak of metrics that there are, and nothing fires while all is well', async () => {
    const records = rules.flatMap(({ record }) => (record === undefined ? [] : [record]));
    expect(records.length).toBeGreaterThan(0);
    for (const record of records) await until(`a sample of ${record}`, async () => (await ask(`last_over_time(${record}[1h])`)).length > 0);
    for (const { expr } of rules) {
      // Those of the rules themselves have colons.
      const names = namesIn(expr);
      if (!/^up\b|^vslog:/.test(expr)) expect(names.length, expr).toBeGreaterThan(0);
      for (const name of names) await known(name);
      await ask(expr);
    }
    // What is wrong for good never comes to rest; a scrape that came too late does.
    await until('no alert fires', async () => (await ask('ALERTS{alertstate="firing"}')).length === 0);
  });
});

it('the metrics are such as promtool would have them', async () => {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`, { headers: vslog.bearer() })).text();
  expect(promtool(['check', 'metrics'], text)).toBe('');
});

describe('the data sources', () => {
  interface Source {
    readonly type: string;
    readonly jsonData?: Readonly<Record<string, unknown>>;
    readonly secureJsonData?: Readonly<Record<string, string>>;
  }
  const { datasources } = parse(readFileSync(join(ROOT, 'deploy/grafana/datasources.yaml'), 'utf8')) as { datasources: readonly Source[] };

  it('reach the store with a token from a file, which stands in no file of ours', async () => {
    const clickhouse = datasources.find(({ type }) => type === 'grafana-clickhouse-datasource');
    expect(clickhouse?.jsonData).toMatchObject({ host: '127.0.0.1', port: 8123, protocol: 'http' });
    expect(clickhouse?.secureJsonData).toEqual({ password: '$__file{/etc/grafana/vslog.token}' });
    // As the plugin asks.
    const user = String(clickhouse?.jsonData?.username);
    const headers = { 'X-ClickHouse-User': user, 'X-ClickHouse-Key': vslog.token() };
    const database = String(clickhouse?.jsonData?.defaultDatabase);
    const at = `http://127.0.0.1:${sqlPort}/?${new URLSearchParams({ database })}`;
    expect(await (await fetch(at, { method: 'POST', body: 'SELECT 1', headers })).text()).toBe('1\n');
    expect((await fetch(at, { method: 'POST', body: 'SELECT 1', headers: { 'X-ClickHouse-User': user } })).status).toBe(401);
  });
});

describe('the dashboards', () => {
  it('ask both Prometheus and ClickHouse', () => {
    expect(targets.filter(({ expr }) => expr !== undefined).length).toBeGreaterThan(0);
    expect(targets.filter(({ rawSql }) => rawSql !== undefined).length).toBeGreaterThan(0);
    expect(targets.filter(({ expr, rawSql }) => (expr === undefined) === (rawSql === undefined))).toEqual([]);
  });

  it('have panels side by side, and names of their own', () => {
    expect(new Set(dashboards.map(({ dashboard }) => dashboard.uid)).size).toBe(dashboards.length);
    for (const { name, dashboard } of dashboards) {
      const taken = new Set<string>();
      for (const { gridPos, title } of dashboard.panels) {
        expect(gridPos.x + gridPos.w, `${name}: ${title}`).toBeLessThanOrEqual(24);
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
            expect(taken.has(`${x},${y}`), `${name}: ${title}`).toBe(false);
            taken.add(`${x},${y}`);
          }
      }
    }
  });

  it.each(targets.filter(({ expr }) => expr !== undefined))('ask Prometheus for what there is: $what', async ({ expr = '' }) => {
    const asked = expr.replaceAll('$instance', '.*').replaceAll('$vs', '.*').replaceAll('$__rate_interval', '1m');
    expect(asked).not.toContain('$');
    expect(namesIn(asked).length).toBeGreaterThan(0);
    for (const name of namesIn(asked)) await known(name);
    await ask(asked);
  });

  it('tell how every virtual service and real server is, out of Prometheus', async () => {
    const [created] = targets.filter(({ what }) => what.startsWith('traffic.json: New connections by real server'));
    const asked = String(created?.expr).replaceAll('$instance', '.*').replaceAll('$vs', '.*').replaceAll('$__rate_interval', '1m');
    await until('connections a second are in the picture', async () => (await ask(asked)).some(({ value }) => Number(value[1]) > 0));
    const names = (await ask('vslog_rs_weight')).map(({ metric }) => `${metric.vs} > ${metric.rs}`);
    expect(names.length).toBeGreaterThan(4);
    expect(names.every((name) => /^(tcp|udp) [0-9.]+:\d+ > [0-9.]+:\d+$/.test(name))).toBe(true);
    // Every metric of services and servers that the rules or dashboards name is documented.
    const docs = readFileSync(join(ROOT, 'docs/metrics.md'), 'utf8');
    const named = [...targets.map(({ expr = '' }) => expr), ...rules.map(({ expr }) => expr)].flatMap(namesIn);
    for (const name of named) expect(docs, name).toContain(`\`${name.replace(/_(bucket|sum|count)$/, '')}\``);
  });

  it.each(targets.filter(({ rawSql }) => rawSql !== undefined))('ask ClickHouse for what there is: $what', async ({ rawSql = '' }) => {
    // As the data source plugin puts them in.
    const asked = rawSql
      .replace(/\$__timeFilter\((\w+)\)/g, '$1 >= toDateTime(now() - 3600) AND $1 <= toDateTime(now())')
      .replace(/\$__timeInterval\((\w+)\)/g, 'toStartOfInterval(toDateTime($1), INTERVAL 60 second)')
      .replace(/\$\{node:singlequote\}/g, "'a','b'");
    expect(asked).not.toContain('$__');
    const response = await fetch(`http://127.0.0.1:${sqlPort}/?default_format=JSON`, {
      method: 'POST',
      body: asked,
      headers: vslog.bearer(),
    });
    const text = await response.text();
    expect(response.status, text).toBe(200);
    const { meta } = JSON.parse(text) as { meta: { name: string; type: string }[] };
    expect(meta[0]?.type).toMatch(/^(DateTime|String)/);
  });

  it('show what is going on', async () => {
    const { rawSql = '' } = targets.find(({ what }) => what.includes('Made and ended')) ?? {};
    const sql = `SELECT sum(made) FROM (${rawSql
      .replace('$__timeFilter(minute)', 'true')
      .replace('$__timeInterval(minute)', 'minute')
      .replace(/ AND node IN \(\$\{node:singlequote\}\)/, '')}) FORMAT TSV`;
    await until('connections are in the picture', async () => {
      const response = await fetch(`http://127.0.0.1:${sqlPort}/`, { method: 'POST', body: sql, headers: vslog.bearer() });
      return Number(await response.text()) > 100;
    });
  });
});
