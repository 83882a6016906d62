/** Numbers as people read them: the one place for command line, console and documents. Times are in moment.ts. */

/** `12,345`; one that is not whole has one digit behind the point. */
export function countText(value: number): string {
  const text = Number.isInteger(value) ? String(value) : value.toFixed(1);
  return text.replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ',');
}

/** The nearest whole number, likewise. */
export function wholeText(value: number): string {
  return countText(Math.round(value));
}

/** `1 connection`, `2,000 connections`; `more` where an s does not do it. */
export function plural(value: number, word: string, more = `${word}s`): string {
  return `${countText(value)} ${value === 1 ? word : more}`;
}

const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** In powers of 1024: `999 B`, `1.5 GiB`, `120 MiB`. */
export function bytesText(bytes: number): string {
  let [value, unit] = [bytes, 0];
  // Rounded to what is shown, 1023.6 KiB would be 1024.
  while (Math.round(value) >= 1024 && unit < BYTES.length - 1) {
    value /= 1024;
    unit++;
  }
  const text = unit === 0 || value >= 99.95 ? String(Math.round(value)) : value.toFixed(1);
  return `${text} ${BYTES[unit]}`;
}

/** `3 % of 64 MiB`. */
export function bytesShareText(used: number, of: number): string {
  return of === 0 ? 'none' : `${Math.round((100 * used) / of)} % of ${bytesText(of)}`;
}

/** Of a part of 1: `12.5 %`. */
export function percentText(part: number): string {
  return `${(part * 100).toFixed(1)} %`;
}

/** From here on a length of time is shown in two units: the larger, its name, the smaller, its name, s. */
const PAIRS = [
  [86_400, 'd', 3600, 'h'],
  [3600, 'h', 60, 'min'],
  [60, 'min', 1, 's'],
] as const;

/** Two units at most: `350 us`, `350 ms`, `1.5 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `4 d 1 h`. */
export function durationText(seconds: number): string {
  if (seconds === 0) return '0 s';
  if (seconds < 0.001) return `${Math.max(1, Math.round(seconds * 1e6))} us`;
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1).replace(/\.0$/, '')} s`;
  const whole = Math.round(seconds);
  for (const [big, bigName, small, smallName] of PAIRS) {
    // Half a minute more or less is nothing beside two hours: round to what is shown.
    const rounded = Math.round(seconds / small) * small;
    if (rounded < big) continue;
    const rest = Math.round((rounded % big) / small);
    return `${Math.floor(rounded / big)} ${bigName}${rest === 0 ? '' : ` ${rest} ${smallName}`}`;
  }
  return `${whole} s`;
}

/** Of ns. */
export function elapsedText(ns: number | bigint): string {
  return durationText(Number(ns) / 1e9);
}
