import { parseValue } from '../config/value.js';
import { clockText, msOf, ownZone } from '../text/moment.js';
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
/** Digits of a Unix time in s, ms, us and ns, and what makes ms of it. */
const EPOCHS: Readonly<Record<number, number>> = { 10: 1000, 13: 1, 16: 1e-3, 19: 1e-6 };

/** What a person may write for a time. */
export const TIME_FORMS =
  '15m, 2h30m, 7d or 1w ago, 12:00, yesterday, "yesterday 12:00", "2026-01-31 12:00", 2026-01-31T12:00:30+01:00 or a Unix time; in your zone without one';

/**
 * The time that a flag names, ms since 1970: so long before `now`, a time of the day that was last, a day, a date and time, or a Unix time. Times of a clock are in
 * `zone`, unless they say their own. Throws Failure.
 */
export function parseTime(flag: string, text: string, now: number, zone: string = ownZone()): number {
  const found = timeOf(text.trim(), now, zone);
  if (found !== undefined && Number.isFinite(found)) return found;
  throw new Failure(Exit.usage, `--${flag} is ${JSON.stringify(text)}: it must be a time such as ${TIME_FORMS}.`);
}

function timeOf(text: string, now: number, zone: string): number | undefined {
  if (text === 'now') return now;
  const ago = agoOf(text);
  if (ago !== undefined) return now - ago;
  const digits = /^@?(\d{10}|\d{13}|\d{16}|\d{19})(?:\.\d+)?$/.exec(text)?.[1];
  if (digits !== undefined) return Math.floor(Number(text.replace('@', '')) * (EPOCHS[digits.length] ?? 1));
  const clock = clockOf(text);
  if (clock !== undefined) {
    // One that is still to come was yesterday's.
    const today = dayAt(now, zone, 0, clock);
    return today <= now ? today : dayAt(now, zone, 1, clock);
  }
  const [, day, of = '00:00'] = /^(today|yesterday)(?:[ T](.+))?$/.exec(text) ?? [];
  if (day !== undefined) {
    const at = clockOf(of);
    return at === undefined ? undefined : dayAt(now, zone, day === 'yesterday' ? 1 : 0, at);
  }
  const [, date, time = '00:00', own] =
    /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?))?(?: ?(Z|[+-]\d{2}:\d{2}))?$/.exec(text) ?? [];
  if (date === undefined) return undefined;
  const utc = Date.parse(`${date}T${time}Z`);
  // Date takes 31 February for 3 March.
  if (!Number.isFinite(utc) || !new Date(`${date}T00:00Z`).toISOString().startsWith(date)) return undefined;
  if (own !== undefined) return Date.parse(`${date}T${time}${own}`);
  const [year = 0, month = 0, dayOfMonth = 0] = date.split('-').map(Number);
  const seconds = (utc - Date.parse(`${date}T00:00Z`)) / 1000;
  return (
    msOf(zone, year, month, dayOfMonth, Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), Math.floor(seconds % 60)) +
    (utc % 1000)
  );
}

/** That time of the day, of the day in that zone so many days before. */
function dayAt(now: number, zone: string, daysBefore: number, clock: Clock): number {
  const [year = 0, month = 0, day = 0] = clockText(now, zone).slice(0, 10).split('-').map(Number);
  return msOf(zone, year, month, day - daysBefore, clock.hour, clock.minute, clock.second);
}

/** `15m`, `2h30m`: ms. */
function agoOf(text: string): number | undefined {
  if (!/^(?:\d{1,9}[smhdw])+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, amount, unit = 's'] of text.matchAll(/(\d+)([smhdw])/g)) sum += Number(amount) * (UNITS[unit] ?? 0);
  return sum;
}

interface Clock {
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/** `12:00`, `12:00:30`. */
function clockOf(text: string): Clock | undefined {
  const [, hour, minute, second = '0'] = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text) ?? [];
  if (hour === undefined || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  return { hour: Number(hour), minute: Number(minute), second: Number(second) };
}
