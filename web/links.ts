import type { Span } from './time.ts';

/** Filters that the page of connections takes, as its form calls them. */
const FILTERS = ['vs', 'rs', 'client', 'outcome', 'node'];

/** The address of the connections of a time, narrowed to what is said: `vs`, `rs`, `client`, `outcome`, `node`. Other words are left out. */
export function connectionsOf({ since, until }: Partial<Span>, said: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams();
  for (const name of FILTERS) if ((said[name] ?? '') !== '') query.set(name, said[name] ?? '');
  if (since !== undefined) query.set('since', since);
  if (until !== undefined && until !== '' && until !== 'now') query.set('until', until);
  return `/connections?${query}`;
}
