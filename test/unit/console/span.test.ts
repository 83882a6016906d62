import { describe, expect, it } from 'vitest';
import { ConsoleError } from '../../../src/console/errors.js';
import { inPage, spanOf } from '../../../src/console/span.js';

const NOW = Date.UTC(2026, 0, 31, 12);
const said = (text: string): URLSearchParams => new URLSearchParams(text);

describe('a time that a page asks about', () => {
  it('is written as on the command line, in the zone of the reader', () => {
    expect(spanOf(said('since=1h30m'), '1h', NOW)).toEqual({ since: NOW - 5_400_000, until: NOW, live: true, zone: 'UTC' });
    expect(spanOf(said('since=2026-01-30+12:00&until=yesterday+13:00&zone=Asia/Tokyo'), '1h', NOW)).toEqual({
      since: Date.UTC(2026, 0, 30, 3),
      until: Date.UTC(2026, 0, 30, 4),
      live: false,
      zone: 'Asia/Tokyo',
    });
  });

  it('is the fallback until now when nothing is said', () => {
    for (const text of ['', 'since=&until=', 'until=now', 'since=+&until=+'])
      expect(spanOf(said(text), '2h', NOW)).toMatchObject({ since: NOW - 7_200_000, until: NOW, live: true });
  });

  it.each([
    ['since=soon', /^since is "soon": it must be a time such as 15m, /],
    ['until=2026-02-31', /^until is "2026-02-31": /],
    ['since=1h&until=2h', /^since must be earlier than until\.$/],
    ['zone=Mars', /^zone is "Mars": it must be a time zone such as Europe\/Berlin\.$/],
  ])('%s is refused with a sentence of the page', (text, sentence) => {
    const refused = (): unknown => spanOf(said(text), '1h', NOW);
    expect(refused).toThrow(ConsoleError);
    expect(refused).toThrow(sentence);
  });
});

it('says options of the command line as fields of the page', () => {
  expect(inPage('--since must be earlier than --until.')).toBe('since must be earlier than until.');
  expect(inPage('a -- b, x--y')).toBe('a -- b, x--y');
});
