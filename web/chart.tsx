import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import type { Unit } from '../src/plot/plot.ts';
import { momentText, valueText } from '../src/plot/text.ts';
import type { Mark } from './api.ts';

export interface ChartLine {
  readonly name: string;
  readonly unit: Unit;
  readonly values: readonly (number | null)[];
}

interface Props {
  readonly title: string;
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly lines: readonly ChartLine[];
  /** What happened when, ms since 1970. Those outside the chart are left out. */
  readonly marks?: readonly Mark[];
  readonly height?: number;
  /** A time was dragged over: seconds since 1970. Without it nothing can be dragged over. */
  onBrush?(from: number, until: number): void;
}

/** No chart shows less time than that, s. */
const SHORTEST = 60;
/** So many marks are told in words. */
const WORDS = 5;

/** Counts up whenever colours are to be read anew. */
function usePalette(): number {
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const next = (): void => setTurn((n) => n + 1);
    const system = matchMedia('(prefers-color-scheme: dark)');
    const page = new MutationObserver(next);
    page.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    system.addEventListener('change', next);
    return () => {
      page.disconnect();
      system.removeEventListener('change', next);
    };
  }, []);
  return turn;
}

const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Lines over time. */
export function Chart({ title, times, lines, marks = [], height = 160, onBrush }: Props) {
  const palette = usePalette();
  const brushed = useRef(onBrush);
  brushed.current = onBrush;
  const inside = marks.filter(
    ({ at }) => at / 1000 >= Math.min(times[0] ?? 0, (times.at(-1) ?? 0) - SHORTEST) && at / 1000 <= (times.at(-1) ?? 0),
  );
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | undefined>(undefined);
  const shape = lines.map(({ name, unit }) => `${name} ${unit}`).join();
  const shown = useRef(inside);
  shown.current = inside;
  const data = (): uPlot.AlignedData => [[...times], ...lines.map(({ values }) => [...values])] as uPlot.AlignedData;
  useEffect(() => {
    const box = place.current;
    if (box === null) return;
    const unit = lines[0]?.unit ?? 'count';
    const axis = { stroke: colour('--dim'), grid: { stroke: colour('--line'), width: 1 }, ticks: { stroke: colour('--line'), width: 1 } };
    const made = new uPlot(
      {
        width: box.clientWidth,
        height,
        cursor: { y: false, drag: { x: onBrush !== undefined, y: false, setScale: false } },
        legend: { live: true },
        scales: {
          x: { range: (_plot, low, high) => [Math.min(low ?? 0, (high ?? 0) - SHORTEST), high ?? 0] },
          y: { range: (_plot, _low, high) => [0, Math.max(unit === 'count' ? 1 : 1e-9, (high ?? 0) * 1.1)] },
        },
        axes: [axis, { ...axis, size: 64, values: (_plot, splits) => splits.map((value) => valueText(value, unit)) }],
        series: [
          {},
          ...lines.map((line, i) => ({
            label: line.name,
            stroke: colour(`--series-${(i % 6) + 1}`),
            width: 1.5,
            // A line of one value is none.
            points: { show: (plot: uPlot) => plot.data[0].length < 3 },
            value: (_plot: uPlot, value: number | null) => (value === null ? '–' : valueText(value, line.unit)),
          })),
        ],
        hooks: {
          setSelect: [
            (plot) => {
              const { left, width } = plot.select;
              if (width < 2) return;
              plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
              brushed.current?.(plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x'));
            },
          ],
          draw: [
            (plot) => {
              plot.ctx.strokeStyle = colour('--accent');
              plot.ctx.setLineDash([4, 4]);
              for (const { at } of shown.current) {
                const x = plot.valToPos(at / 1000, 'x', true);
                plot.ctx.beginPath();
                plot.ctx.moveTo(x, plot.bbox.top);
                plot.ctx.lineTo(x, plot.bbox.top + plot.bbox.height);
                plot.ctx.stroke();
              }
              plot.ctx.setLineDash([]);
            },
          ],
        },
      },
      data(),
      box,
    );
    chart.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: box.clientWidth, height }));
    resized.observe(box);
    return () => {
      resized.disconnect();
      made.destroy();
      chart.current = undefined;
    };
  }, [shape, height, palette, onBrush === undefined]);
  useEffect(() => chart.current?.setData(data()), [times, lines, marks]);
  return (
    <figure class="card chart" data-last={times.at(-1)}>
      <figcaption>{title}</figcaption>
      <div ref={place} />
      {inside.length > 0 && (
        <ul class="marks" aria-label="Changes">
          {inside.slice(0, WORDS).map(({ at, text }) => (
            <li key={`${at}${text}`}>
              <time>{momentText(at)}</time> {text}
            </li>
          ))}
          {inside.length > WORDS && (
            <li>
              and <a href="/changes">{inside.length - WORDS} more</a>
            </li>
          )}
        </ul>
      )}
    </figure>
  );
}
