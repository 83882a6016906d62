/** 1234567 as `1 234 567`. */
export function whole(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ' ');
}

/** `1 connection`, `2 000 connections`; `more` where an s does not do it. */
export function plural(value: number, word: string, more = `${word}s`): string {
  return `${whole(value)} ${value === 1 ? word : more}`;
}

/** Bytes in the unit a person would choose. */
export function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `3 % of 64 MiB`. */
export function share(used: number, of: number): string {
  return of === 0 ? 'none' : `${Math.round((100 * used) / of)} % of ${size(of)}`;
}

/** A time in ns in the unit a person would choose. */
export function elapsed(ns: number): string {
  const steps: [number, string][] = [
    [1e3, 'ns'],
    [1e6, 'us'],
    [1e9, 'ms'],
    [60e9, 's'],
    [3600e9, 'min'],
    [86_400e9, 'h'],
  ];
  let below = 1;
  for (const [limit, unit] of steps) {
    if (ns < limit) return `${trim(ns / below)} ${unit}`;
    below = limit;
  }
  return `${trim(ns / below)} d`;
}

function trim(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toFixed(value >= 10 ? 1 : 2)));
}
