import './time-picker.css';
import { clockText, offsetText } from '../src/text/moment.ts';
import { Field, Problem } from './parts.tsx';
import { go, type Place } from './route.ts';
import { type SpanMs, spanText, useSpan, useSpanMs, withSpan } from './time.ts';
import { ZONE } from './zone.ts';

const QUICK = ['15m', '1h', '6h', '24h', '7d', '30d'];

interface Props extends Place {
  /** What is asked when nothing was chosen, as the command line takes it: `1h`. */
  readonly fallback: string;
}

/** Chooses the time that a page asks about: so long ago, or from a time to another. It is in the page's address as `since` and `until`. */
export function TimePicker({ fallback, ...place }: Props) {
  const span = useSpan(place, fallback);
  const asked = useSpanMs(span);
  const now = span.until === '' || span.until === 'now';
  const found = asked.error === undefined ? asked.answer : undefined;
  // Written as text, a change counts once it is complete: on Enter, or when the field is left.
  const write = (name: 'since' | 'until', text: string): void =>
    go(withSpan(place, { ...span, [name]: text.trim() || (name === 'since' ? fallback : '') }));
  const shifted = ({ since, until }: SpanMs, turns: number): string => {
    const by = (until - since) * turns;
    return withSpan(place, spanText((since + by) / 1000, (until + by) / 1000));
  };
  return (
    <>
      <search class="time-picker" aria-label="Time">
        <nav class="chips" aria-label="Time up to now">
          {QUICK.map((one) => (
            <a key={one} href={withSpan(place, { since: one, until: '' })} aria-current={now && span.since === one ? 'true' : undefined}>
              {one}
            </a>
          ))}
        </nav>
        <Field name="since" hint='15m, 2h30m, 7d, 12:00, yesterday, "2026-01-31 12:00", ...'>
          <input
            key={span.since}
            name="since"
            defaultValue={span.since}
            placeholder={fallback}
            autocomplete="off"
            spellcheck={false}
            onChange={({ currentTarget }) => write('since', currentTarget.value)}
          />
        </Field>
        <Field name="until" hint="now, or a time written as in since">
          <input
            key={span.until}
            name="until"
            defaultValue={span.until}
            placeholder="now"
            autocomplete="off"
            spellcheck={false}
            onChange={({ currentTarget }) => write('until', currentTarget.value)}
          />
        </Field>
        <span class="shift">
          {found !== undefined && <a href={shifted(found, -1)}>Earlier</a>}
          {found !== undefined && !found.live && <a href={shifted(found, 1)}>Later</a>}
        </span>
        <span class="dim zone">
          {found !== undefined && `${clockText(found.since, ZONE)} to ${found.live ? 'now' : clockText(found.until, ZONE)}, `}
          {ZONE} ({offsetText(found?.since ?? Date.now(), ZONE)})
        </span>
      </search>
      {asked.error !== undefined && <Problem text={asked.error} />}
    </>
  );
}
