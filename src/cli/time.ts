import { parseValue } from '../config/value.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';

/** A length of time that a flag gives, ms. Throws Failure. */
export function parseDuration(flag: string, text: string): number {
  try {
    return Number(
      parseValue({ type: 'duration', default: () => 0, min: 0, max: Number.MAX_SAFE_INTEGER, doc: '', flag, commands: [] }, text),
    );
  } catch {
    throw new Failure(Exit.usage, `--${flag} is ${JSON.stringify(text)}: it must be a time such as 90s, 15m or 1h.`);
  }
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The time that a flag names, ms since 1970: so long before `now`, or a date and time, UTC unless a zone is given. Throws Failure. */
export function parseTime(flag: string, text: string, now: number): number {
  const [, amount, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (amount !== undefined) return now - Number(amount) * (UNITS[unit ?? 's'] ?? 0);
  if (text === 'now') return now;
  const [, day, clock = '00:00', zone = 'Z'] =
    /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)(Z|[+-]\d{2}:\d{2})?)?$/.exec(text) ?? [];
  const at = day === undefined ? Number.NaN : Date.parse(`${day}T${clock}${zone}`);
  if (Number.isNaN(at))
    throw new Failure(
      Exit.usage,
      `--${flag} is ${JSON.stringify(text)}: it must be so long ago, such as 90s, 15m, 2h or 7d, or a time such as 2026-01-31 or 2026-01-31T12:00 (UTC).`,
    );
  return at;
}
