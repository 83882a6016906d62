import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { StatusDocument } from '../../../src/api/status.js';
import { exposition, unready } from '../../../src/metrics/exposition.js';
import { MetricsServer } from '../../../src/metrics/server.js';
import { SINK, STATUS } from '../support/status.js';

let server: MetricsServer | undefined;
afterEach(() => server?.close());

async function serve(status: () => Promise<StatusDocument>, token?: string): Promise<string> {
  server = new MetricsServer({ status, token });
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
    const text = await exposition(STATUS);
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

  it('ask for the token where there is one, but for the sign of life', async () => {
    const url = await serve(async () => STATUS, 'secret');
    const asked = async (authorization?: string): Promise<number> =>
      (await fetch(`${url}/metrics`, authorization === undefined ? {} : { headers: { authorization } })).status;
    expect([await asked(), await asked('Bearer wrong'), await asked('Basic secret'), await asked('Bearer secret')]).toEqual([
      401, 401, 401, 200,
    ]);
    expect((await fetch(`${url}/readyz`)).status).toBe(401);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
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
