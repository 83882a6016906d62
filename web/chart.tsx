import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import type { Unit } from '../src/plot/plot.ts';
import { valueText } from '../src/plot/text.ts';
import { momentText } from '../src/text/moment.ts';
import type { Mark } from './api.ts';
import { type ChartLine, summary, timeLabels } from './chart-text.ts';
import { brushByTouch } from './touch.ts';
import { ZONE } from './zone.ts';

interface Props {
  readonly title: string;
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly lines: readonly ChartLine[];
  /** What happened when, ms since 1970. Those outside the chart are left out. */
  readonly marks?: readonly Mark[];
  /** Where the axis of time ends, seconds since 1970; without it, at the last of `times`. */
  readonly until?: number | undefined;
  /** The last piece of time still runs and is not among `times`. */
  readonly running?: boolean;
  readonly height?: number;
  /** A time was dragged over: seconds since 1970. Without it nothing can be dragged over. */
  onBrush?(from: number, until: number): void;
}

/** No chart shows less time than that, s. */
const SHORTEST = 60;
/** So many marks are told in words. */
const WORDS = 5;
/** So many colours there are; further lines have them again, dashed. */
const COLOURS = 8;
const DASHES: readonly (readonly number[])[] = [[], [8, 4], [2, 4]];

const dashOf = (i: number): readonly number[] => DASHES[Math.floor(i / COLOURS) % DASHES.length] ?? [];

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

const colourOf = (i: number): string => colour(`--series-${(i % COLOURS) + 1}`);

/** A line's background in the legend: its colour, dashed as it is. */
function swatch(i: number): string {
  const [on = 1, off = 0] = dashOf(i);
  return `repeating-linear-gradient(90deg, ${colourOf(i)} 0 ${on}px, transparent ${on}px ${on + off}px)`;
}

/** Lines over time, UTC. Lines of another unit than the first's have an axis of their own, at the right. */
export function Chart({ title, times, lines, marks = [], until, running = false, height = 160, onBrush }: Props) {
  const palette = usePalette();
  const brushed = useRef(onBrush);
  brushed.current = onBrush;
  const end = until ?? times.at(-1) ?? Date.now() / 1000;
  const begin = Math.min(times[0] ?? end, end - SHORTEST);
  const inside = marks.filter(({ at }) => at / 1000 >= begin && at / 1000 <= end);
  const span = useRef<[number, number]>([begin, end]);
  span.current = [begin, end];
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | undefined>(undefined);
  const shape = lines.map(({ name, unit }) => `${name} ${unit}`).join();
  const shown = useRef(inside);
  shown.current = inside;
  const data = (): uPlot.AlignedData => [[...times], ...lines.map(({ values }) => [...values])] as uPlot.AlignedData;
  useEffect(() => {
    const box = place.current;
    if (box === null) return;
    const units = [...new Set(lines.map(({ unit }) => unit))];
    if (units.length === 0) units.push('count');
    const scale = (unit: Unit): uPlot.Scale => ({
      range: (_plot, _low, high) => [0, Math.max(unit === 'count' ? 1 : 1e-9, (high ?? 0) * 1.1)],
    });
    const named = (unit: Unit): string =>
      lines
        .filter((line) => line.unit === unit)
        .map(({ name }) => name)
        .join(', ');
    const axis = { stroke: colour('--dim'), grid: { stroke: colour('--line'), width: 1 }, ticks: { stroke: colour('--line'), width: 1 } };
    const made = new uPlot(
      {
        width: box.clientWidth,
        height,
        cursor: { y: false, drag: { x: onBrush !== undefined, y: false, setScale: false } },
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), ZONE),
        legend: { live: true, markers: { width: 0, fill: (_plot, i) => swatch(i - 1) } },
        scales: {
          x: { range: () => span.current },
          ...Object.fromEntries(units.map((unit) => [unit, scale(unit)])),
        },
        axes: [
          { ...axis, space: 90, values: (_plot, splits, _axis, _space, step) => timeLabels(splits, step, ZONE) },
          ...units.map(
            (unit, i): uPlot.Axis => ({
              ...axis,
              scale: unit,
              size: 64,
              values: (_plot, splits) => splits.map((value) => (value === 0 ? '0' : valueText(value, unit))),
              ...(units.length > 1 ? { label: named(unit), labelSize: 20 } : {}),
              ...(i > 0 ? { side: 1, grid: { show: false } } : {}),
            }),
          ),
        ],
        series: [
          { label: 'time', value: (_plot: uPlot, seconds: number | null) => (seconds === null ? '–' : momentText(seconds * 1000, ZONE)) },
          ...lines.map((line, i) => ({
            label: line.name,
            scale: line.unit,
            stroke: colourOf(i),
            dash: [...dashOf(i)],
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
    if (onBrush !== undefined) brushByTouch(made);
    made.ctx.canvas.setAttribute('role', 'img');
    const resized = new ResizeObserver(() => made.setSize({ width: box.clientWidth, height }));
    resized.observe(box);
    return () => {
      resized.disconnect();
      made.destroy();
      chart.current = undefined;
    };
  }, [shape, height, palette, onBrush === undefined]);
  useEffect(() => {
    chart.current?.setData(data());
    const how = onBrush === undefined ? '' : ' Without a pointer: the fields since and until of the form below say the time.';
    chart.current?.ctx.canvas.setAttribute('aria-label', summary(title, times, lines, ZONE) + how);
  }, [times, lines, marks, until, palette]);
  return (
    <figure class="card chart" data-last={times.at(-1)}>
      <figcaption>
        {title} <span class="dim">UTC{running ? ', without the piece of time that still runs' : ''}</span>
      </figcaption>
      <div ref={place} />
      {inside.length > 0 && (
        <ul class="marks" aria-label="Changes">
          {inside.slice(0, WORDS).map(({ at, text }) => (
            <li key={`${at}${text}`}>
              <time>{momentText(at, ZONE)}</time> {text}
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
