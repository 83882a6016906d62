import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { StatusDocument } from '../../../src/api/status.js';
import { keyOf } from '../../../src/listen/keyring.js';
import { Penalty } from '../../../src/listen/penalty.js';
import { exposition, unready } from '../../../src/metrics/exposition.js';
import { MetricsServer } from '../../../src/metrics/server.js';
import { closedGuard, openGuard } from '../../support/guards.js';
import { ask } from '../support/http.js';
import { SINK, STATUS } from '../support/status.js';
import { everySeries } from './traffic/story.js';

let server: MetricsServer | undefined;
afterEach(() => server?.close());

async function serve(status: () => Promise<StatusDocument>, guard = openGuard()): Promise<string> {
  server = new MetricsServer({ status, guard });
  return `http://127.0.0.1:${await server.listen(0, '127.0.0.1')}`;
}

describe('metrics', () => {
  it('have the names, units and labels of Prometheus', async () => {
    const text = await exposition(STATUS);
    for (const line of [
      'vslog_build_info{version="1.2.3",store="embedded"} 1',
      'vslog_collector_events_total 95',
      'vslog_capture_lost_events_total{place="ring"} 3',
      'vslog_capture_lost_events_total{place="journal"} 0',
      'vslog_sink_lag_events{sink="kafka"} 40',
      'vslog_sink_message_bytes{sink="kafka"} 700',
      'vslog_sink_unproven_events_total{sink="kafka"} 0',
      'vslog_sink_circuit_state{sink="kafka"} 2',
      'vslog_sink_circuit_state{sink="embedded"} 0',
      'vslog_capture_cpu_seconds_total 1.5',
      'vslog_capture_start_time_seconds 1700000000',
      'vslog_spool_healthy 1',
    ])
      expect(text.split('\n')).toContain(line);
    const names = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]);
    expect(names.length).toBeGreaterThan(25);
    for (const [name, type] of names) expect(name?.endsWith('_total')).toBe(type === 'counter');
    expect(new Set(names.map(([name]) => name)).size).toBe(names.length);
  });

  it('are all in docs/metrics.md, with the words of their help', async () => {
    const docs = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8');
    const told = [...docs.matchAll(/^\| `(vslog_\w+)` \| (\w+) \| (.*) \|$/gm)].map(([, name, type, help]) => [name, type, help]);
    const text = (await exposition(STATUS)) + (await everySeries());
    const made = [...text.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)$/gm)].map(([, name, help, type]) => [name, type, help]);
    expect(told).toEqual(made);
  });

  it('leave out what a capture that does not answer did not tell', async () => {
    const text = await exposition({
      ...STATUS,
      lag_events: null,
      sinks: [],
      capture: { ...STATUS.capture, connected: false, account: null },
    });
    expect(text).toContain('vslog_capture_connected 0');
    expect(text).not.toMatch(/vslog_capture_lag_events|vslog_capture_events_total|vslog_sink/);
  });

  it('tell health and readiness apart, and why it is not ready', async () => {
    const url = await serve(async () => STATUS);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const ready = await fetch(`${url}/readyz`);
    expect([ready.status, await ready.text()]).toEqual([503, 'Sink kafka: Nobody listens.\n']);
    expect(unready({ ...STATUS, sinks: [SINK] })).toEqual([]);
    expect(
      unready({
        ...STATUS,
        sinks: [],
        capture: { ...STATUS.capture, connected: false, error: null },
        spool: { ...STATUS.spool, state: 'The disk is full.' },
      }),
    ).toEqual(['There is no connection to the capture.', 'The disk is full.']);
    expect((await fetch(`${url}/metrics`)).headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect((await fetch(`${url}/etc/passwd`)).status).toBe(404);
    expect((await fetch(`${url}/metrics`, { method: 'POST', body: 'x' })).status).toBe(405);
  });

  it('ask for a token, but for the sign of life', async () => {
    const url = await serve(async () => STATUS, closedGuard([keyOf('metrics', 'secret')]));
    const basic = `Basic ${Buffer.from('prometheus:secret').toString('base64')}`;
    const asked = async (path: string, authorization?: string): Promise<string> => {
      const answer = await fetch(url + path, authorization === undefined ? {} : { headers: { authorization } });
      return `${answer.status} ${(await answer.text()).split('\n')[0]}`;
    };
    expect(await asked('/metrics')).toMatch(/^401 A token is asked for/);
    expect(await asked('/metrics', 'Bearer wrong')).toMatch(/^401 This token is not known here/);
    expect(await asked('/metrics', 'Basic secret')).toMatch(/^401/);
    for (const right of ['Bearer secret', basic]) expect(await asked('/metrics', right)).toMatch(/^200 # HELP/);
    expect(await asked('/healthz')).toBe('200 ok');
    // Yes or no, and to who has the token why.
    expect(await asked('/readyz')).toBe('503 not ready');
    expect(await asked('/readyz', 'Bearer secret')).toBe('503 Sink kafka: Nobody listens.');
    expect(await asked('/readyz', 'Bearer wrong')).toMatch(/^401/);
    expect((await fetch(`${url}/metrics`)).headers.get('www-authenticate')).toMatch(/^Bearer realm="vslog", Basic /);
  });

  it('tell others than this machine nothing without a token but that they live', async () => {
    const url = await serve(async () => STATUS, closedGuard([keyOf('metrics', 'secret')], { loopback: false }));
    expect([(await fetch(`${url}/readyz`)).status, (await fetch(`${url}/healthz`)).status]).toEqual([401, 200]);
  });

  it('tell a crowd of wrong tokens to come again', async () => {
    const url = await serve(async () => STATUS, closedGuard([], { penalty: new Penalty({ most: 0 }) }));
    expect((await fetch(`${url}/metrics`, { headers: { authorization: 'Bearer wrong' } })).status).toBe(429);
  });

  it('are not for pages of somebody else, nor by another name', async () => {
    const { port } = new URL(await serve(async () => STATUS));
    for (const headers of [
      { host: 'evil.example' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'cross-site' },
      { origin: 'http://evil.example' },
    ])
      for (const path of ['/metrics', '/readyz', '/healthz']) {
        const answer = await ask(Number(port), path, { headers: { host: `127.0.0.1:${port}`, ...headers } as Record<string, string> });
        expect([answer.status, answer.headers['x-content-type-options'], answer.headers['cross-origin-resource-policy']]).toEqual([
          403,
          'nosniff',
          'same-origin',
        ]);
      }
  });

  it('say when they cannot be told', async () => {
    const url = await serve(() => Promise.reject(new Error('The collector is not running.')));
    const answer = await fetch(`${url}/metrics`);
    expect([answer.status, await answer.text()]).toEqual([503, 'The collector is not running.\n']);
  });

  it.each(['//', '//[', '/%', 'http://[/'])('answer a request for %s, and go on', async (target) => {
    const { port } = new URL(await serve(async () => STATUS));
    const status = (path: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const request = get({ host: '127.0.0.1', port, path }, (response) => {
          response.resume();
          resolve(response.statusCode);
        });
        request.once('error', reject);
      });
    expect(await status(target)).toBe(404);
    expect(await status('/healthz')).toBe(200);
  });
});

it('is answered with the series of services and servers behind it, asked by what the capture says it is', async () => {
  const asked: unknown[] = [];
  const traffic = {
    exposition: (source: unknown) => {
      asked.push(source);
      return Promise.resolve('# TYPE vslog_vs_servers gauge\n');
    },
    stop: () => void asked.push('stopped'),
  };
  server = new MetricsServer({ status: async () => STATUS, guard: openGuard(), traffic });
  const text = await (await fetch(`http://127.0.0.1:${await server.listen(0, '127.0.0.1')}/metrics`)).text();
  expect(text.startsWith('# HELP vslog_build_info')).toBe(true);
  expect(text.endsWith('\n# TYPE vslog_vs_servers gauge\n')).toBe(true);
  await server.close();
  expect(asked).toEqual([{ node: 'lb1', kind: 'ipvs' }, 'stopped']);
  server = undefined;
});
