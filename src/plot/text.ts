import type { Unit } from './plot.js';

/** A number as people read it: `12 345`, `1.2 GB`, `3 m 20 s`. */
export function valueText(value: number, unit: Unit): string {
  switch (unit) {
    case 'bytes':
      return bytesText(value);
    case 'seconds':
      return durationText(value);
    default:
      return countText(value);
  }
}

/** Whole numbers in groups of three; others with one digit behind the point. */
export function countText(value: number): string {
  const text = Number.isInteger(value) ? String(value) : value.toFixed(1);
  return text.replace(/\B(?=(\d{3})+(?!\d))/g, ' ');
}

/** In powers of 1000. */
export function bytesText(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let at = 0;
  let rest = value;
  while (rest >= 1000 && at < units.length - 1) {
    rest /= 1000;
    at++;
  }
  return `${at === 0 || rest >= 100 ? Math.round(rest) : rest.toFixed(1)} ${units[at]}`;
}

/** Two units at most: `350 ms`, `12.5 s`, `3 m 20 s`, `2 h 5 m`, `4 d 1 h`. */
export function durationText(seconds: number): string {
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  const pair = (big: number, bigName: string, small: number, smallName: string): string => {
    const rest = Math.floor((whole % big) / small);
    return `${Math.floor(whole / big)} ${bigName}${rest === 0 ? '' : ` ${rest} ${smallName}`}`;
  };
  if (whole < 3600) return pair(60, 'm', 1, 's');
  if (whole < 86_400) return pair(3600, 'h', 60, 'm');
  return pair(86_400, 'd', 3600, 'h');
}

/** A moment, UTC, to the second or, of a picture's axis, only as far as `step` (ms) says something. */
export function momentText(ms: number, step = 1000): string {
  const iso = new Date(ms).toISOString();
  if (step >= 86_400_000) return iso.slice(0, 10);
  return step >= 60_000 ? `${iso.slice(5, 10)} ${iso.slice(11, 16)}` : iso.slice(0, 19).replace('T', ' ');
}
