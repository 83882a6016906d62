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

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 };
const DAY = 86_400_000;
/** Digits of a Unix time in s, ms, us and ns, and what makes ms of it. */
const EPOCHS: Readonly<Record<number, number>> = { 10: 1000, 13: 1, 16: 1e-3, 19: 1e-6 };

/** What a person may write for a time. */
export const TIME_FORMS =
  '15m, 2h30m, 7d or 1w ago, 12:00, yesterday, "yesterday 12:00", "2026-01-31 12:00", 2026-01-31T12:00:30+01:00 or a Unix time; UTC without a zone';

/**
 * The time that a flag names, ms since 1970: so long before `now`, a time of the day that was last, a day, a date and time, or a Unix time. UTC unless a zone is given.
 * Throws Failure.
 */
export function parseTime(flag: string, text: string, now: number): number {
  const found = timeOf(text.trim(), now);
  if (found !== undefined && Number.isFinite(found)) return found;
  throw new Failure(Exit.usage, `--${flag} is ${JSON.stringify(text)}: it must be a time such as ${TIME_FORMS}.`);
}

function timeOf(text: string, now: number): number | undefined {
  if (text === 'now') return now;
  const ago = agoOf(text);
  if (ago !== undefined) return now - ago;
  const digits = /^@?(\d{10}|\d{13}|\d{16}|\d{19})(?:\.\d+)?$/.exec(text)?.[1];
  if (digits !== undefined) return Math.floor(Number(text.replace('@', '')) * (EPOCHS[digits.length] ?? 1));
  const today = Math.floor(now / DAY) * DAY;
  const clock = clockOf(text);
  // One that is still to come was yesterday's.
  if (clock !== undefined) return today + clock <= now ? today + clock : today + clock - DAY;
  const [, day, of] = /^(today|yesterday)(?:[ T](.+))?$/.exec(text) ?? [];
  if (day !== undefined) {
    const at = of === undefined ? 0 : clockOf(of);
    return at === undefined ? undefined : today + at - (day === 'yesterday' ? DAY : 0);
  }
  const [, date, time = '00:00', zone = 'Z'] =
    /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?))?(?: ?(Z|[+-]\d{2}:\d{2}))?$/.exec(text) ?? [];
  if (date === undefined) return undefined;
  const at = Date.parse(`${date}T${time}${zone}`);
  // Date takes 31 February for 3 March.
  return Number.isFinite(at) && new Date(`${date}T00:00Z`).toISOString().startsWith(date) ? at : undefined;
}

/** `15m`, `2h30m`: ms. */
function agoOf(text: string): number | undefined {
  if (!/^(?:\d{1,9}[smhdw])+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, amount, unit = 's'] of text.matchAll(/(\d+)([smhdw])/g)) sum += Number(amount) * (UNITS[unit] ?? 0);
  return sum;
}

/** `12:00`, `12:00:30`: ms from midnight. */
function clockOf(text: string): number | undefined {
  const [, hour, minute, second = '0'] = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text) ?? [];
  if (hour === undefined || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  return ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000;
}
