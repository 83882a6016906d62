import { largest, smallest } from '../src/plot/extremes.ts';
import type { Unit } from '../src/plot/plot.ts';
import { valueText } from '../src/plot/text.ts';
import { clockText, momentText } from '../src/text/moment.ts';

export interface ChartLine {
  readonly name: string;
  readonly unit: Unit;
  readonly values: readonly (number | null)[];
}

/** So many lines are told in words. */
const WORDS = 8;

/** Labels of an axis of time: the clock as far as `step` (s) says something, and the date below where it is another than before. */
export function timeLabels(splits: readonly number[], step: number, zone: string): string[] {
  let date = '';
  return splits.map((seconds) => {
    const text = clockText(seconds * 1000, zone);
    const day = text.slice(0, 10);
    if (step >= 86_400) return day;
    const clock = text.slice(11, step < 60 ? 19 : 16);
    const label = day === date ? clock : `${clock}\n${day}`;
    date = day;
    return label;
  });
}

/** What a chart shows, for whoever does not see it: its span, then each line's least, most and last value. */
export function summary(title: string, times: readonly number[], lines: readonly ChartLine[], zone: string): string {
  const [first, last] = [times[0], times.at(-1)];
  if (first === undefined || last === undefined) return `${title}: nothing yet.`;
  const told = lines.slice(0, WORDS).map(({ name, unit, values }) => {
    const known = values.filter((value) => value !== null);
    const now = known.at(-1);
    if (now === undefined) return `${name}: no value`;
    const text = (value: number): string => valueText(value, unit);
    return `${name}: ${text(smallest(known, now))} to ${text(largest(known, now))}, last ${text(now)}`;
  });
  const rest = lines.length > WORDS ? `; and ${lines.length - WORDS} more lines` : '';
  return `${title}, ${momentText(first * 1000, zone)} to ${momentText(last * 1000, zone)}. ${told.join('; ')}${rest}.`;
}
