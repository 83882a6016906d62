/** Times as people read and write them, in the reader's own time zone: the one place for command line and console. */

/** The zone of this process: of the variable TZ, or the machine's. */
export function ownZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
}

/** Whether a zone of that name is known here: `Europe/Berlin`, `UTC`, `+02:00`. */
export function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return name !== '';
  } catch {
    return false;
  }
}

interface Fields {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  const numeric = 'numeric' as const;
  const made = new Intl.DateTimeFormat('en-US', {
    ...{ timeZone: zone, calendar: 'gregory', numberingSystem: 'latn', hourCycle: 'h23' },
    ...{ era: 'short', year: numeric, month: numeric, day: numeric, hour: numeric, minute: numeric, second: numeric },
  });
  formats.set(zone, made);
  return made;
}

/** What a clock and a calendar in that zone show. */
function fieldsAt(ms: number, zone: string): Fields {
  if (zone === 'UTC') {
    const date = new Date(ms);
    const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()];
    return { year, month, day, hour: date.getUTCHours(), minute: date.getUTCMinutes(), second: date.getUTCSeconds() };
  }
  const part = Object.fromEntries(
    formatOf(zone)
      .formatToParts(ms)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const { year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
  return { year, month, day, hour, minute, second };
}

/** How far the zone's clock is ahead of UTC then, minutes. */
export function offsetAt(ms: number, zone: string): number {
  if (zone === 'UTC') return 0;
  const { year, month, day, hour, minute, second } = fieldsAt(ms, zone);
  return Math.round((Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(ms / 1000) * 1000) / 60_000);
}

/** `+01:00`; of UTC `Z`. */
export function offsetText(ms: number, zone: string): string {
  if (zone === 'UTC') return 'Z';
  const offset = offsetAt(ms, zone);
  const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60];
  return `${offset < 0 ? '-' : '+'}${two(hours)}:${two(minutes)}`;
}

const two = (value: number): string => String(value).padStart(2, '0');

/** `2026-11-29 12:00:03`, without the offset: for a column whose title has it. */
export function clockText(ms: number, zone: string): string {
  const { year, month, day, hour, minute, second } = fieldsAt(ms, zone);
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)} ${two(hour)}:${two(minute)}:${two(second)}`;
}

/** `2026-11-29 12:00:03 +01:00`, `2026-11-29 12:00:03Z`. */
export function momentText(ms: number, zone: string): string {
  const offset = offsetText(ms, zone);
  return `${clockText(ms, zone)}${offset === 'Z' ? '' : ' '}${offset}`;
}

/** For a picture's axis, only as far as a step (ms) says something: `2026-11-29`, `11-29 12:00`, `2026-11-29 12:00:03`. */
export function axisText(ms: number, step: number, zone: string): string {
  const text = clockText(ms, zone);
  if (step >= 86_400_000) return text.slice(0, 10);
  return step >= 60_000 ? text.slice(5, 16) : text;
}

/**
 * The time, ms since 1970, at which a clock in that zone shows this. One that is shown twice, when summer time ends, is the first of the two; one that is left out, when it
 * begins, is as long after the change as it would be without it.
 */
export function msOf(zone: string, year: number, month: number, day: number, hour = 0, minute = 0, second = 0): number {
  const utc = Date.UTC(year, month - 1, day, hour, minute, second);
  // The offset before the change, if there is one that day, gives the first of two.
  const before = utc - offsetAt(utc - 86_400_000, zone) * 60_000;
  if (offsetAt(before, zone) === offsetAt(utc - 86_400_000, zone)) return before;
  const after = utc - offsetAt(before, zone) * 60_000;
  return offsetAt(after, zone) === offsetAt(before, zone) ? after : before;
}

/** Midnight of the day that the zone's calendar shows then, or of a day some days before it. */
export function midnightOf(ms: number, zone: string, daysBefore = 0): number {
  const { year, month, day } = fieldsAt(ms, zone);
  return msOf(zone, year, month, day - daysBefore);
}
