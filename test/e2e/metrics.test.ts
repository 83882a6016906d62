import { afterEach, expect, it } from 'vitest';
import { until } from '../support/patience.js';
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
