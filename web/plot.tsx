import { valueText } from '../src/plot/text.ts';
import { clockText, momentText } from '../src/text/moment.ts';
import type { Plot } from './api.ts';
import { useMarks } from './balancer.ts';
import { Chart } from './chart.tsx';
import { piecesOf } from './pieces.ts';
import { ZONE } from './zone.ts';

const percent = (part: number, whole: number): string => `${whole <= 0 ? 0 : (part / whole) * 100}%`;

/** With the changes of its time, where the report has no marks of its own. */
function LinesView({ plot }: { readonly plot: Extract<Plot, { kind: 'lines' }> }) {
  const pieces = piecesOf(plot);
  const clock = (ms: number): string => new Date(ms).toISOString().slice(0, 19);
  // To the end of the last piece, which may be ahead: a time that moves would be asked for again and again.
  const length = Math.max(0, ...plot.lines.map(({ values }) => values.length));
  const changes = useMarks(clock(plot.begin), clock(plot.begin + length * plot.step));
  return <Chart title={plot.title} {...pieces} marks={plot.marks.length > 0 ? plot.marks : changes} height={220} />;
}

/** A report's picture. */
export function PlotView({ plot }: { readonly plot: Plot }) {
  switch (plot.kind) {
    case 'lines':
      return <LinesView plot={plot} />;
    case 'bars': {
      const total = (bar: (typeof plot.bars)[number]): number => bar.parts.reduce((sum, { value }) => sum + value, 0);
      const most = Math.max(0, ...plot.bars.map(total));
      const names = [...new Set(plot.bars.flatMap(({ parts }) => parts.map(({ name }) => name)))];
      return (
        <figure class="card">
          <figcaption>{plot.title}</figcaption>
          <div class="bars">
            {plot.bars.map((bar) => (
              <div class="bar" key={bar.label}>
                <span class="label" title={bar.label}>
                  {bar.label}
                </span>
                <span class="track">
                  {bar.parts.map(({ name, value }) => (
                    <span
                      key={name}
                      class={`part reason-${name} series-${(names.indexOf(name) % 8) + 1}`}
                      style={{ width: percent(value, most) }}
                      title={`${name}: ${valueText(value, plot.unit)}`}
                    />
                  ))}
                </span>
                <span class="number">{valueText(total(bar), plot.unit)}</span>
              </div>
            ))}
          </div>
          {names.length > 1 && (
            <div class="legend">
              {names.map((name, i) => (
                <span key={name}>
                  <i class={`part reason-${name} series-${(i % 8) + 1}`} /> {name}
                </span>
              ))}
            </div>
          )}
        </figure>
      );
    }
    case 'heat': {
      const all = plot.cells.flat().filter((value) => value !== null);
      const [least, most] = [Math.min(...all), Math.max(...all)];
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
              return (
                <div class="bar" key={`${span.label}${i}`}>
                  <span class="label" title={span.label}>
                    {span.label}
                  </span>
                  <span class="track">
                    <span
                      class={`part span series-1 ${span.end === null ? 'open' : ''}`}
                      style={{ marginLeft: percent(from - plot.begin, whole), width: percent(Math.max(to - from, whole / 300), whole) }}
                      title={`${clockText(span.begin, ZONE)} – ${span.end === null ? 'now' : clockText(span.end, ZONE)}`}
                    />
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
