import { Failure } from '../cli/failure.js';
import { parseTime } from '../cli/time.js';
import { isZone } from '../text/moment.js';
import { ConsoleError } from './errors.js';

/** A time that a page asks about, ms since 1970. */
export interface Span {
  readonly since: number;
  readonly until: number;
  /** It goes on: `until` is now. */
  readonly live: boolean;
  readonly zone: string;
}

/** The zone of whoever asks; UTC when nothing is said. Throws ConsoleError. */
export function zoneOf(said: URLSearchParams): string {
  const zone = said.get('zone') ?? 'UTC';
  if (!isZone(zone)) throw new ConsoleError(400, `zone is ${JSON.stringify(zone)}: it must be a time zone such as Europe/Berlin.`);
  return zone;
}

/** The time that `since` and `until` of a query string name, written as on the command line. Throws ConsoleError. */
export function spanOf(said: URLSearchParams, fallback: string, now: number): Span {
  const zone = zoneOf(said);
  const text = (name: string, otherwise: string): string => {
    const found = said.get(name)?.trim() ?? '';
    return found === '' ? otherwise : found;
  };
  const ends = text('until', 'now');
  try {
    const [since, until] = [parseTime('since', text('since', fallback), now, zone), parseTime('until', ends, now, zone)];
    if (since >= until) throw new ConsoleError(400, 'since must be earlier than until.');
    return { since, until, live: ends === 'now', zone };
  } catch (error) {
    throw error instanceof Failure ? new ConsoleError(400, inPage(error.message)) : error;
  }
}

/** A sentence of the command line, as a page says it: `since is "x"`, not `--since is "x"`. */
export function inPage(sentence: string): string {
  return sentence.replace(/(^|[\s(])--(?=[a-z])/g, '$1');
}
