import { describe, expect, it } from 'vitest';
import { LISTENERS, listenOpenFlaw, openListeners, openSentence } from '../../../src/config/listen-open.js';

describe('the listeners that ask for no secret', () => {
  it('are those that are named', () => {
    expect(openListeners('')).toEqual([]);
    expect(openListeners('console')).toEqual(['console']);
    expect(openListeners(' metrics , clickhouse_http,')).toEqual(['metrics', 'clickhouse_http']);
    expect(openListeners('all')).toEqual(LISTENERS);
    expect(openListeners('console,all')).toEqual(LISTENERS);
  });

  it('have the names of their sections, and a wrong one is told', () => {
    const flaw = (value: string) => listenOpenFlaw('collector.listen_open', value);
    for (const right of ['', 'all', 'metrics', 'metrics,console,clickhouse_http', ' console ']) expect(flaw(right)).toBeUndefined();
    expect(flaw('metrics,consol')).toBe(
      'has "consol": it must be all, or some of metrics, console, clickhouse_http, separated by commas; did you mean console?',
    );
    expect(flaw('true')).toBe('has "true": it must be all, or some of metrics, console, clickhouse_http, separated by commas');
    expect(listenOpenFlaw('console.listen', 'consol')).toBeUndefined();
  });

  it('are told of where they listen at all', () => {
    const values = { 'metrics.listen': '127.0.0.1:9466', 'console.listen': '', 'clickhouse_http.listen': '127.0.0.1:8123' };
    expect(openSentence({ ...values, 'collector.listen_open': '' })).toBeUndefined();
    expect(openSentence({ ...values, 'collector.listen_open': 'console' })).toBeUndefined();
    expect(openSentence({ ...values, 'collector.listen_open': 'all' })).toBe(
      'Open to every user of this machine: metrics at 127.0.0.1:9466, clickhouse_http at 127.0.0.1:8123 (collector.listen_open).',
    );
  });
});
