import { MOST_MARKS } from '../src/plot/plot.ts';
import { plural } from '../src/text/format.ts';
import { clockText, momentText } from '../src/text/moment.ts';
import type { Mark } from './api.ts';
import { spanText } from './time.ts';
import { ZONE } from './zone.ts';

/** Where the changes between two moments are listed, s since 1970. */
export function changesOf(from: number, until: number): string {
  return `/changes?${new URLSearchParams({ ...spanText(from, until) })}`;
}

/** The changes of a chart's time in one line: how many, and the last of them. Each is a mark on the chart. */
export function Marks({ marks }: { readonly marks: readonly Mark[] }) {
  const sorted = [...marks].sort((a, b) => a.at - b.at);
  const [first, last] = [sorted[0], sorted.at(-1)];
  if (first === undefined || last === undefined) return null;
  return (
    <p class="marks">
      <a href={changesOf(first.at / 1000 - 1, last.at / 1000 + 1)}>
        {marks.length >= MOST_MARKS ? `the newest ${MOST_MARKS} changes` : plural(marks.length, 'change')}
      </a>
      <span class="last-mark" title={`${momentText(last.at, ZONE)} ${last.text}`}>
        {marks.length === 1 ? '' : 'last: '}
        <time>{clockText(last.at, ZONE).slice(11)}</time> {last.text}
      </span>
    </p>
  );
}
