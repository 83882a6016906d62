import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { DOWNLOADS } from '../support/downloads.js';
import { freePorts, until, Vslog } from './support/vslog.js';

const ROOT = join(import.meta.dirname, '../..');
const BIN = join(DOWNLOADS, 'prometheus/usr/bin');
const RULES = join(ROOT, 'deploy/prometheus');
const DASHBOARDS = join(ROOT, 'deploy/grafana/dashboards');

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
  writeFileSync(join(dir, 'prometheus.yml'), config.replace('127.0.0.1:9466', `127.0.0.1:${metricsPort}`).replaceAll('15s', '1s'));
  prometheus = spawn(
    join(BIN, 'prometheus'),
    [`--config.file=${dir}/prometheus.yml`, `--storage.tsdb.path=${dir}/data`, `--web.listen-address=127.0.0.1:${promPort}`],
    { stdio: 'ignore' },
  );
  await until('Prometheus has asked twice', async () => {
    const answer = await ask('count_over_time(vslog_collector_events_total[1h])').catch(() => undefined);
    return Number(answer?.[0]?.value[1] ?? 0) >= 3 ? true : undefined;
  });
}, 120_000);

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

/** Names of metrics in an expression. */
const namesIn = (expression: string): string[] => expression.match(/\bvslog_[a-z_]+/g) ?? [];

const promtool = (...args: string[]): string => execFileSync(join(BIN, 'promtool'), args, { encoding: 'utf8', cwd: RULES });

describe('the rules', () => {
  it('are read by promtool, and each alert fires when it should and only then', () => {
    expect(promtool('check', 'config', 'prometheus.yml')).toMatch(/SUCCESS/);
    expect(promtool('check', 'rules', 'vslog.rules.yml')).toMatch(/SUCCESS/);
    expect(promtool('test', 'rules', 'vslog.rules.test.yml')).toMatch(/SUCCESS/);
    const tested = readFileSync(join(RULES, 'vslog.rules.test.yml'), 'utf8');
    for (const { alert } of rules) if (alert !== undefined) expect(tested).toContain(`alertname="${alert}"`);
  });

  it('speak of metrics that there are, and nothing fires while all is well', async () => {
    for (const { expr, record } of rules) {
      for (const name of namesIn(expr)) expect(await ask(`count({__name__="${name}"})`), name).toHaveLength(1);
      await ask(expr);
      if (record !== undefined) expect(await ask(record), record).not.toEqual([]);
    }
    expect(await ask('ALERTS{alertstate="firing"}')).toEqual([]);
  });
});

it('the metrics are such as promtool would have them', async () => {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  expect(execFileSync(join(BIN, 'promtool'), ['check', 'metrics'], { input: text, encoding: 'utf8' })).toBe('');
});

describe('the dashboards', () => {
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
    const asked = expr.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '1m');
    expect(asked).not.toContain('$');
    for (const name of namesIn(asked)) expect(await ask(`count({__name__="${name}"})`), name).toHaveLength(1);
    await ask(asked);
  });

  it.each(targets.filter(({ rawSql }) => rawSql !== undefined))('ask ClickHouse for what there is: $what', async ({ rawSql = '' }) => {
    // As the data source plugin puts them in.
    const asked = rawSql
      .replace(/\$__timeFilter\((\w+)\)/g, '$1 >= toDateTime(now() - 3600) AND $1 <= toDateTime(now())')
      .replace(/\$__timeInterval\((\w+)\)/g, 'toStartOfInterval(toDateTime($1), INTERVAL 60 second)')
      .replace(/\$\{node:singlequote\}/g, "'a','b'");
    expect(asked).not.toContain('$__');
    const response = await fetch(`http://127.0.0.1:${sqlPort}/?default_format=JSON`, { method: 'POST', body: asked });
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
      const response = await fetch(`http://127.0.0.1:${sqlPort}/`, { method: 'POST', body: sql });
      return Number(await response.text()) > 100 ? true : undefined;
    });
  });
});
