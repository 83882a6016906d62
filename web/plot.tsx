import './plot.css';
import { useState } from 'preact/hooks';
import { largest, smallest } from '../src/plot/extremes.ts';
import { valueText } from '../src/plot/text.ts';
import { countText } from '../src/text/format.ts';
import { clockText, momentText } from '../src/text/moment.ts';
import type { Plot } from './api.ts';
import { useMarks } from './balancer.ts';
import { Chart } from './chart.tsx';
import { connectionsOf } from './links.ts';
import { piecesOf } from './pieces.ts';
import { go, type Place } from './route.ts';
import { spanText, withSpan } from './time.ts';
import { ZONE } from './zone.ts';

const percent = (part: number, whole: number): string => `${whole <= 0 ? 0 : (part / whole) * 100}%`;

type Links = readonly (readonly (string | null)[])[];

interface Props {
  readonly plot: Plot;
  /** Where the parts of each bar lead, or each span. */
  readonly links?: Links;
  /** The page that shows it: dragging over a chart chooses another time for it. */
  readonly place?: Place;
  /** What the report was narrowed to: what is behind a piece of a chart is, too. */
  readonly filters?: Readonly<Record<string, string>>;
}

/** With the changes of its time, where the report has no marks of its own. */
function LinesView({ plot, place, filters }: Props & { readonly plot: Extract<Plot, { kind: 'lines' }> }) {
  const pieces = piecesOf(plot);
  // To the end of the last piece, which may be ahead: a time that moves would be asked for again and again.
  const length = Math.max(0, ...plot.lines.map(({ values }) => values.length));
  const changes = useMarks(spanText(plot.begin / 1000, (plot.begin + length * plot.step) / 1000));
  return (
    <Chart
      title={plot.title}
      {...pieces}
      marks={plot.marks.length > 0 ? plot.marks : changes}
      height={220}
      behind={(from, until) => connectionsOf(spanText(from, until), filters)}
      {...(place === undefined ? {} : { onBrush: (from: number, until: number) => go(withSpan(place, spanText(from, until))) })}
    />
  );
}

/** So many bars are shown at first. */
const BARS = 12;

function BarsView({ plot, links = [] }: { readonly plot: Extract<Plot, { kind: 'bars' }>; readonly links?: Links | undefined }) {
  const [all, setAll] = useState(false);
  const total = (bar: (typeof plot.bars)[number]): number => bar.parts.reduce((sum, { value }) => sum + value, 0);
  const most = Math.max(0, ...plot.bars.map(total));
  const names = [...new Set(plot.bars.flatMap(({ parts }) => parts.map(({ name }) => name)))];
  const more = plot.bars.length - BARS;
  return (
    <figure class="card">
      <figcaption>{plot.title}</figcaption>
      <div class="bars">
        {plot.bars.slice(0, all || more <= 2 ? undefined : BARS).map((bar, y) => (
          <div class="bar" key={`${bar.label} ${y}`}>
            <span class="label" title={bar.label}>
              {bar.label}
            </span>
            <span class="track">
              {bar.parts.map(({ name, value }, x) => {
                const text = `${name}: ${valueText(value, plot.unit)}`;
                const shape = {
                  class: `part reason-${name.replaceAll(' ', '_')} series-${(names.indexOf(name) % 8) + 1}`,
                  style: { width: percent(value, most) },
                  title: text,
                };
                const href = links[y]?.[x] ?? undefined;
                return href === undefined || value === 0 ? (
                  <span key={name} {...shape} />
                ) : (
                  <a key={name} {...shape} href={href} aria-label={`${bar.label}, ${text}`} />
                );
              })}
            </span>
            <span class="number">{valueText(total(bar), plot.unit)}</span>
          </div>
        ))}
      </div>
      {more > 2 && (
        <button type="button" class="quiet more-bars" onClick={() => setAll(!all)} aria-expanded={all}>
          {all ? `Show the first ${BARS}` : `Show ${countText(more)} more`}
        </button>
      )}
      {names.length > 1 && (
        <div class="legend">
          {names.map((name, i) => (
            <span key={name}>
              <i class={`part reason-${name.replaceAll(' ', '_')} series-${(i % 8) + 1}`} /> {name}
            </span>
          ))}
        </div>
      )}
    </figure>
  );
}

/** A report's picture. */
export function PlotView({ plot, links, place, filters }: Props) {
  switch (plot.kind) {
    case 'lines':
      return <LinesView plot={plot} {...(place === undefined ? {} : { place })} {...(filters === undefined ? {} : { filters })} />;
    case 'bars':
      return <BarsView plot={plot} links={links} />;
    case 'heat': {
      const all = plot.cells.flat().filter((value) => value !== null);
      const [least, most] = [smallest(all, 0), largest(all, 0)];
      return (
        <figure class="card wide">
          <figcaption>{plot.title}</figcaption>
          <table class="heat">
            <thead>
              <tr>
                <td />
                {plot.columns.map((name) => (
                  <th key={name} scope="col">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {plot.rows.map((row, y) => (
                <tr key={row}>
                  <th scope="row">{row}</th>
                  {plot.columns.map((column, x) => {
                    const value = plot.cells[y]?.[x] ?? null;
                    const level = value === null ? 'none' : most === least ? 0 : Math.round(((value - least) / (most - least)) * 8);
                    const text = value === null ? 'not known' : valueText(value, plot.unit);
                    return (
                      <td key={column} class={`heat-${level}`} title={`${row} ${column}: ${text}`}>
                        <span class="hidden">{text}</span>
                      </td>
                    );
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        </figure>
      );
    }
    case 'spans': {
      const whole = plot.end - plot.begin;
      return (
        <figure class="card">
          <figcaption>{plot.title}</figcaption>
          <div class="bars">
            {plot.spans.map((span, i) => {
              const from = Math.max(plot.begin, span.begin);
              const to = Math.min(plot.end, span.end ?? plot.end);
              // One that was short, or has just begun, is seen all the same.
              const width = Math.max(to - from, whole / 300);
              const href = links?.[i]?.[0] ?? undefined;
              const shape = {
                class: `part span series-1 ${span.end === null ? 'open' : ''}`,
                style: { marginLeft: percent(Math.min(from - plot.begin, whole - width), whole), width: percent(width, whole) },
                title: `${clockText(span.begin, ZONE)} to ${span.end === null ? 'now' : clockText(span.end, ZONE)}`,
              };
              return (
                <div class="bar" key={`${span.label}${i}`}>
                  <span class="label" title={span.label}>
                    {span.label}
                  </span>
                  <span class="track">
                    {href === undefined ? <span {...shape} /> : <a {...shape} href={href} aria-label={`${span.label}, ${shape.title}`} />}
                  </span>
                  <span class="number">{span.note}</span>
                </div>
              );
            })}
          </div>
          <div class="legend ends">
            <span>{momentText(plot.begin, ZONE)}</span>
            <span>{momentText(plot.end, ZONE)}</span>
          </div>
        </figure>
      );
    }
  }
}
