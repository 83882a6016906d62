import { useEffect } from 'preact/hooks';
import { momentText } from '../src/text/moment.ts';
import { get } from './api.ts';
import { type Asked, useAnswer } from './ask.ts';
import { go, type Place } from './route.ts';
import { ZONE } from './zone.ts';

/** A time as it is written in the address: what the command line takes for --since and --until. An empty `until` is now. */
export interface Span {
  readonly since: string;
  readonly until: string;
}

/** About what is there now, whatever time the tab is at. */
export const NOW: Span = { since: '1h', until: '' };

/** The same as the collector understands it, ms since 1970. */
export interface SpanMs {
  readonly since: number;
  readonly until: number;
  readonly live: boolean;
}

/** What was last asked for in this tab: other pages ask for it, too. */
let chosen: Span | undefined;

/** The time that an address names; without one, the time of the page before; without that, the page's own. */
export function spanOf(query: URLSearchParams, fallback: string): Span {
  const [since, until] = [query.get('since'), query.get('until')];
  if (since !== null || until !== null) return { since: since ?? fallback, until: until ?? '' };
  return chosen ?? { since: fallback, until: '' };
}

/** The address of a page with another time. */
export function withSpan({ path, query }: Place, { since, until }: Span): string {
  const next = new URLSearchParams(query);
  next.set('since', since);
  if (until === '' || until === 'now') next.delete('until');
  else next.set('until', until);
  return `${path}?${next}`;
}

/** The time that a page asks about. It stays when one goes to another page, and is in the address there. */
export function useSpan(place: Place, fallback: string): Span {
  const { query } = place;
  const span = spanOf(query, fallback);
  const said = query.has('since') || query.has('until');
  useEffect(() => {
    if (said) chosen = span;
    else if (chosen !== undefined) go(withSpan(place, chosen), true);
  }, [said, span.since, span.until]);
  return span;
}

/** What a time is in ms, or the sentence of what is wrong with it. */
export function useSpanMs({ since, until }: Span): Asked<SpanMs> {
  const said = new URLSearchParams({ since, ...(until === '' ? {} : { until }), zone: ZONE });
  return useAnswer(`time ${said}`, (signal) => get<SpanMs>(`/api/time?${said}`, signal));
}

/** A time between two moments, s since 1970, as it is written in an address: whole seconds, at least one. */
export function spanText(from: number, until: number): Span {
  const begin = Math.floor(from);
  const end = Math.max(begin + 1, Math.ceil(until));
  return { since: momentText(begin * 1000, ZONE), until: momentText(end * 1000, ZONE) };
}
