import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { DOWNLOADS } from '../support/downloads.js';
import { COMMAND_MS, until } from '../support/patience.js';
import { freePort } from '../support/ports.js';
import { Vslog } from './support/vslog.js';

let vslog: Vslog | undefined;
afterEach(() => vslog?.clean());

it('tells a monitoring system how collector and capture are, and refuses to tell others without a token', async () => {
  vslog = new Vslog();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const up = vslog.up('--source', 'engine', '--load', '--load-rate', '500', '--metrics-listen', `127.0.0.1:${port}`);
  await up.says(/ready/);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  expect((await fetch(`${url}/metrics`)).status).toBe(401);
  const headers = vslog.bearer();
  // To say yes or no takes no token: those who start and stop containers ask.
  await until('it is ready', async () => (await fetch(`${url}/readyz`)).status === 200);
  const value = async (name: string): Promise<number> => {
    const text = await (await fetch(`${url}/metrics`, { headers })).text();
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  };
  await until('events are counted', async () => (await value('vslog_collector_events_total')) > 500);
  await until('they are delivered', async () => (await value('vslog_sink_delivered_events_total{sink="embedded"}')) > 500);
  expect(await value('vslog_capture_connected')).toBe(1);
  // A busy capture may be too late with its own account for one answer.
  await until('connections are counted', async () => (await value('vslog_capture_connections')) > 0);
  expect(await up.end()).toBe(0);

  const [open, wrong] = await Promise.all([
    vslog.ran('collect', '--metrics-listen', '0.0.0.0:9466'),
    vslog.ran('collect', '--metrics-listen', 'everywhere'),
  ]);
  expect(open.code).toBe(2);
  expect(open.err).toContain('metrics.listen is 0.0.0.0:9466, which others can reach: name a metrics.token_file, or listen at 127.0.0.1.');
  expect(wrong.code).toBe(2);
  expect(wrong.err).toContain('it must be like 127.0.0.1:9466');
});

it('tells how virtual services and real servers are, the rest of them as one, and its counts never go back', async () => {
  vslog = new Vslog();
  const port = await freePort();
  const up = vslog.up(
    ...['--source', 'engine', '--load', '--load-rate', '500', '--metrics-listen', `127.0.0.1:${port}`, '--listen-open', 'metrics'],
    ...['--metrics-series', '6'],
  );
  await up.says(/ready: connections/);
  /** Every counter that was told, by its labels: no later scrape may say less. */
  const told = new Map<string, number>();
  const scrape = async (): Promise<Map<string, number>> => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const found = new Map(
      [...text.matchAll(/^(vslog_(?:vs|rs|traffic)_[a-z_]+(?:\{.*\})?) (\S+)$/gm)].map(([, name = '', value]) => [name, Number(value)]),
    );
    for (const [name, value] of found)
      if (/_(total|bucket|sum|count)\{/.test(name)) {
        expect(value, name).toBeGreaterThanOrEqual(told.get(name) ?? 0);
        told.set(name, value);
      }
    return found;
  };
  const sum = (found: ReadonlyMap<string, number>, name: string): number =>
    [...found].reduce((all, [sample, value]) => all + (sample.startsWith(`${name}{`) ? value : 0), 0);
  await until('somebody is counted with the others', async () => ((await scrape()).get('vslog_traffic_other{kind="rs"}') ?? 0) > 0);
  await until('connections come and end', async () => {
    const found = await scrape();
    return sum(found, 'vslog_rs_connections_created_total') > 500 && sum(found, 'vslog_vs_connections_ended_total') > 100;
  });
  const found = await scrape();
  const names = [...found.keys()].flatMap((name) => /^vslog_rs_weight\{(.*)\}$/.exec(name)?.[1] ?? []);
  expect(names).toHaveLength(7);
  expect(names).toContain('vs="other",rs="other"');
  expect(found.get('vslog_traffic_series{kind="rs"}')).toBe(6);
  expect((await vslog.ran('status')).out).toMatch(/have no series of their own and are counted as "other": metrics.series is 6\./);
  expect(up.said.match(/metrics: \d+ real servers have no series/g)).toHaveLength(1);

  // One of those with a series of their own goes and comes back, while two scrape.
  const [, service = '', real = ''] = /^vs="(.*)",rs="(.*)"$/.exec(names.find((name) => !name.includes('other')) ?? '') ?? [];
  const labels = `{vs="${service}",rs="${real}"}`;
  expect(await vslog.ran('rs', 'rm', service, real, '--yes')).toMatchObject({ code: 0 });
  await until('it is gone', async () => (await Promise.all([scrape(), scrape()])).every((one) => !one.has(`vslog_rs_weight${labels}`)));
  expect(await vslog.ran('rs', 'add', service, real, '--weight', '5')).toMatchObject({ code: 0 });
  await until('it is back', async () => (await scrape()).get(`vslog_rs_weight${labels}`) === 5);
  const before = told.get(`vslog_rs_connections_created_total${labels}`) ?? 0;
  await until(
    'its connections count again',
    async () => ((await scrape()).get(`vslog_rs_connections_created_total${labels}`) ?? 0) > before,
  );
  await until('its removal counts', async () => ((await scrape()).get(`vslog_rs_withdrawals_total${labels}`) ?? 0) === 1);
  expect((await scrape()).get('vslog_traffic_series{kind="rs"}')).toBe(6);
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const promtool = join(DOWNLOADS, 'prometheus/usr/bin/promtool');
  expect(execFileSync(promtool, ['check', 'metrics'], { encoding: 'utf8', input: text, timeout: COMMAND_MS })).toBe('');
  expect(await up.end()).toBe(0);
});
