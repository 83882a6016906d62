/** What a cell is compared by: a number, an address, or a text. Empty cells have none. */
export type SortKey = { readonly kind: 'number'; readonly value: number } | { readonly kind: 'text'; readonly value: string } | undefined;

/** How much a unit of src/text/format.ts is, within its kind. */
const UNITS: Readonly<Record<string, number>> = {
  ...{ B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40, PiB: 2 ** 50, '%': 1 },
  ...{ us: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, d: 86_400 },
};
const PART = /^(-?\d[\d,]*(?:\.\d+)?)(?: ?([A-Za-z%]+))?/;
const PAIR = /^(?:\d+ d \d+ h|\d+ h \d+ min|\d+ min \d+ s)$/;
/** Stands where there is no value. */
const NONE = /^[–-]?$/;

const words = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

/**
 * The key of a cell that shows `text`. With `value` (as the answer has it) numbers are compared by that; without it by what is written: `12,345`, `1.5 GiB`,
 * `3 min 20 s`, `12.5 %`, `7 events`. IPv6 addresses are compared by number; so are IPv4 ones, since digits within a text are.
 */
export function sortKey(text: string, value?: unknown): SortKey {
  if (typeof value === 'number') return Number.isFinite(value) ? { kind: 'number', value } : undefined;
  if (NONE.test(text)) return undefined;
  const number = numberOf(text);
  if (number !== undefined) return { kind: 'number', value: number };
  return { kind: 'text', value: text.replace(/[\da-f]*:[\da-f:]*:[\da-f:.]*/gi, longAddress) };
}

function numberOf(text: string): number | undefined {
  if (PAIR.test(text)) {
    const [big = '', bigUnit = '', small = '', smallUnit = ''] = text.split(' ');
    return Number(big) * (UNITS[bigUnit] ?? 1) + Number(small) * (UNITS[smallUnit] ?? 1);
  }
  const [whole = '', digits = '', unit] = PART.exec(text) ?? [];
  if (digits === '') return undefined;
  const rest = text.slice(whole.length);
  // 2026-11-29, 10.0.0.1:80 and 12:00 begin with digits, and are none.
  if (rest !== '' && !/^ /.test(rest)) return undefined;
  return Number(digits.replaceAll(',', '')) * (unit === undefined ? 1 : (UNITS[unit] ?? 1));
}

/** An IPv6 address with all its digits, so that its text compares as its number does; what is none stays. */
function longAddress(text: string): string {
  const halves = text.split('::');
  const groups = (half: string | undefined): string[] => (half === undefined || half === '' ? [] : half.split(':'));
  const [head, tail] = [groups(halves[0]), groups(halves[1])];
  const missing = 8 - head.length - tail.length;
  const all = halves.length === 2 ? [...head, ...new Array<string>(Math.max(0, missing)).fill('0'), ...tail] : head;
  if (halves.length > 2 || all.length !== 8 || !all.every((group) => /^[\da-f]{1,4}$/i.test(group))) return text;
  // A letter before each group keeps its digits from being taken for a decimal number.
  return all
    .map((group) => `x${[...group.padStart(4, '0')].map((digit) => String.fromCharCode(97 + Number.parseInt(digit, 16))).join('')}`)
    .join('');
}

/** Negative: `a` comes before `b`. Numbers come before texts. */
function compare(a: NonNullable<SortKey>, b: NonNullable<SortKey>): number {
  if (a.kind === 'number' && b.kind === 'number') return a.value - b.value;
  if (a.kind === 'text' && b.kind === 'text') return words.compare(a.value, b.value);
  return a.kind === 'number' ? -1 : 1;
}

/** The places of the keys in order; equal ones stay as they were, and empty cells come last in either order. */
export function order(keys: readonly SortKey[], descending: boolean): number[] {
  return keys
    .map((_key, i) => i)
    .sort((i, j) => {
      const [a, b] = [keys[i], keys[j]];
      if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined) || i - j;
      return (descending ? compare(b, a) : compare(a, b)) || i - j;
    });
}
