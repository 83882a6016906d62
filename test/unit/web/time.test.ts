import { afterEach, expect, it, vi } from 'vitest';
import { parseTime } from '../../../src/cli/time.js';
import { connectionsOf } from '../../../web/links.ts';
import { spanOf, spanText, withSpan } from '../../../web/time.ts';
import { ZONE } from '../../../web/zone.ts';

afterEach(() => vi.unstubAllGlobals());

const query = (text: string): URLSearchParams => new URLSearchParams(text);

it('takes the time of an address, and without one that of the page', () => {
  expect(spanOf(query('since=2h&until=1h'), '1h')).toEqual({ since: '2h', until: '1h' });
  expect(spanOf(query('until=12:00'), '7d')).toEqual({ since: '7d', until: '12:00' });
  expect(spanOf(query('rs=10.0.0.1'), '7d')).toEqual({ since: '7d', until: '' });
});

it('keeps the rest of an address when another time is chosen', () => {
  const place = { path: '/reports/who', query: query('rs=10.0.0.1&since=1h&until=12:00') };
  expect(withSpan(place, { since: '15m', until: '' })).toBe('/reports/who?rs=10.0.0.1&since=15m');
  expect(withSpan(place, { since: '15m', until: 'now' })).toBe('/reports/who?rs=10.0.0.1&since=15m');
  expect(withSpan(place, { since: 'yesterday', until: '12:00' })).toBe('/reports/who?rs=10.0.0.1&since=yesterday&until=12%3A00');
});

it('writes a time that was dragged over so that the collector understands it, a second long at least', () => {
  const at = Date.UTC(2026, 0, 30, 10) / 1000;
  const { since, until } = spanText(at + 0.4, at + 0.6);
  expect(parseTime('since', since, 0, 'Pacific/Kiritimati')).toBe(at * 1000);
  expect(parseTime('until', until, 0, ZONE)).toBe((at + 1) * 1000);
});

it('leads to the connections of a time with the filters that they take', () => {
  expect(connectionsOf({ since: '1h', until: 'now' }, { rs: '10.0.0.1:80', by: 'rs', limit: '7', client: '' })).toBe(
    '/connections?rs=10.0.0.1%3A80&since=1h',
  );
  expect(connectionsOf({}, { outcome: 'open' })).toBe('/connections?outcome=open');
});
