import './chart.css';
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import type { Unit } from '../src/plot/plot.ts';
import { valueText } from '../src/plot/text.ts';
import { clockText, momentText } from '../src/text/moment.ts';
import type { Mark } from './api.ts';
import { type ChartLine, summary, timeLabels } from './chart-text.ts';
import { changesOf, Marks } from './marks.tsx';
import { colour, colourOf, dashOf, swatch, usePalette } from './palette.ts';
import { go } from './route.ts';
import { brushByTouch } from './touch.ts';
import { ZONE } from './zone.ts';

interface Props {
  readonly title: string;
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly lines: readonly ChartLine[];
  /** What happened when, ms since 1970. Those outside the chart are left out. */
  readonly marks?: readonly Mark[];
  /** Where the axis of time begins and ends, seconds since 1970; without them, at the first and the last of `times`. */
  readonly begin?: number | undefined;
  readonly until?: number | undefined;
  /** The last piece of time still runs: it is dashed. */
  readonly running?: boolean;
  /** How long the piece is that a value is of, s; 0: it is of a moment. */
  readonly step?: number;
  readonly height?: number;
  /** A time was dragged over: seconds since 1970. Without it nothing can be dragged over. */
  onBrush?(from: number, until: number): void;
  /** What is behind the values between two moments, seconds since 1970: an address of the page. */
  behind?(from: number, until: number): string;
}

/** No chart shows less time than that, s. */
const SHORTEST = 60;
/** A click is on a mark that is so near, pixels. */
const NEAR = 5;
/** What ended so lately may not be in the store yet, s. */
const STORED_S = 60;
/** A mouse that moved further between down and up was dragged, pixels. */
const STILL = 3;

/** Lines over time. Lines of another unit than the first's have an axis of their own, at the right. */
export function Chart(props: Props) {
  const { title, times, lines, marks = [], running = false, step = 0, height = 160, onBrush, behind } = props;
  const palette = usePalette();
  const [picked, pick] = useState<number>();
  const end = props.until ?? times.at(-1) ?? Date.now() / 1000;
  const begin = props.begin ?? Math.min(times[0] ?? end, end - SHORTEST);
  const inside = marks.filter(({ at }) => at / 1000 >= begin && at / 1000 <= end);
  // What hooks of the chart see: it lives longer than one drawing of the page.
  const now = useRef({ ...props, begin, end, inside, running, step, times, lines });
  now.current = { ...props, begin, end, inside, running, step, times, lines };
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | undefined>(undefined);
  const shape = lines.map(({ name, unit }) => `${name} ${unit}`).join();
  /** The piece of time that a value is of. */
  const pieceAt = (i: number): [number, number] => {
    const { times: all, step: length, end: last } = now.current;
    const at = all[i] ?? last;
    return [at, at + Math.max(length, 1)];
  };
  // The value of a piece that still runs is drawn by itself.
  const data = (): uPlot.AlignedData =>
    [
      [...now.current.times],
      ...now.current.lines.map(({ values }) => (now.current.running ? [...values.slice(0, -1), null] : [...values])),
    ] as uPlot.AlignedData;
  useEffect(() => {
    const box = place.current;
    if (box === null) return;
    const units = [...new Set(lines.map(({ unit }) => unit))];
    if (units.length === 0) units.push('count');
    const highest = (unit: Unit): number =>
      Math.max(
        0,
        ...now.current.lines
          .flatMap((line, i) => (line.unit === unit && chart.current?.series[i + 1]?.show !== false ? line.values : []))
          .map((value) => value ?? 0),
      );
    const scale = (unit: Unit): uPlot.Scale => ({
      range: () => [0, Math.max(unit === 'count' ? 1 : 1e-9, highest(unit) * 1.1)],
    });
    const named = (unit: Unit): string =>
      lines
        .filter((line) => line.unit === unit)
        .map(({ name }) => name)
        .join(', ');
    const isRunning = (i: number | null | undefined): boolean => now.current.running && i === now.current.times.length - 1;
    const axis = { stroke: colour('--dim'), grid: { stroke: colour('--line'), width: 1 }, ticks: { stroke: colour('--line'), width: 1 } };
    const made = new uPlot(
      {
        width: box.clientWidth,
        height,
        cursor: { y: false, drag: { x: onBrush !== undefined, y: false, setScale: false } },
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), ZONE),
        legend: { live: true, markers: { width: 0, fill: (_plot, i) => swatch(i - 1) } },
        scales: {
          x: { range: () => [now.current.begin, now.current.end] },
          ...Object.fromEntries(units.map((unit) => [unit, scale(unit)])),
        },
        axes: [
          { ...axis, space: 90, values: (_plot, splits, _axis, _space, apart) => timeLabels(splits, apart, ZONE) },
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
          {
            label: 'time',
            value: (_plot: uPlot, seconds: number | null, _series: number, i: number | null) =>
              seconds === null
                ? '–'
                : `${momentText(seconds * 1000, ZONE)}${isRunning(i) ? `, ${incomplete(now.current.times, now.current.step)}` : ''}`,
          },
          ...lines.map((line, place) => ({
            label: line.name,
            scale: line.unit,
            stroke: colourOf(place),
            dash: [...dashOf(place)],
            width: 1.5,
            // A line of one value is none.
            points: { show: (plot: uPlot) => plot.data[0].length < 3 },
            value: (_plot: uPlot, value: number | null, _series: number, i: number | null) => {
              const real = isRunning(i) ? (now.current.lines[place]?.values.at(-1) ?? null) : value;
              return real === null
                ? '–'
                : `${valueText(line.unit === 'count' ? rounded(real) : real, line.unit)}${isRunning(i) ? ' so far' : ''}`;
            },
          })),
        ],
        hooks: {
          setCursor: [({ cursor }) => now.current.behind !== undefined && pick(cursor.idx ?? undefined)],
          setSelect: [
            (plot) => {
              const { left, width } = plot.select;
              if (width < STILL) return;
              plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
              now.current.onBrush?.(plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x'));
            },
          ],
          draw: [drawRunning, drawMarks],
        },
      },
      data(),
      box,
    );
    /** The last, unfinished piece: dashed, from the one before it. */
    function drawRunning(plot: uPlot): void {
      if (!now.current.running) return;
      const { times: all, lines: shown } = now.current;
      const [from, to] = [all.length - 2, all.length - 1].map((i) => plot.valToPos(all[i] ?? all[0] ?? 0, 'x', true));
      plot.ctx.save();
      plot.ctx.setLineDash([3, 4]);
      plot.ctx.lineWidth = 1.5;
      shown.forEach(({ values, unit }, i) => {
        const [before, last] = [values.at(-2), values.at(-1)];
        if (last === null || last === undefined || plot.series[i + 1]?.show === false) return;
        const y = plot.valToPos(last, unit, true);
        plot.ctx.strokeStyle = colourOf(i);
        plot.ctx.beginPath();
        if (before !== null && before !== undefined && all.length > 1) {
          plot.ctx.moveTo(from ?? 0, plot.valToPos(before, unit, true));
          plot.ctx.lineTo(to ?? 0, y);
          plot.ctx.stroke();
        }
        plot.ctx.beginPath();
        plot.ctx.setLineDash([]);
        plot.ctx.arc(to ?? 0, y, 3, 0, 2 * Math.PI);
        plot.ctx.stroke();
        plot.ctx.setLineDash([3, 4]);
      });
      plot.ctx.restore();
    }
    function drawMarks(plot: uPlot): void {
      plot.ctx.save();
      plot.ctx.strokeStyle = colour('--accent');
      plot.ctx.setLineDash([4, 4]);
      for (const { at } of now.current.inside) {
        const x = plot.valToPos(at / 1000, 'x', true);
        plot.ctx.beginPath();
        plot.ctx.moveTo(x, plot.bbox.top);
        plot.ctx.lineTo(x, plot.bbox.top + plot.bbox.height);
        plot.ctx.stroke();
      }
      plot.ctx.restore();
    }
    chart.current = made;
    if (onBrush !== undefined) brushByTouch(made);
    made.ctx.canvas.setAttribute('role', 'img');
    let pressed = 0;
    made.over.addEventListener('pointerdown', ({ clientX }) => {
      pressed = clientX;
    });
    made.over.addEventListener('click', ({ clientX }) => {
      if (Math.abs(clientX - pressed) > STILL) return;
      const left = clientX - made.over.getBoundingClientRect().left;
      const mark = now.current.inside.find(({ at }) => Math.abs(made.valToPos(at / 1000, 'x') - left) <= NEAR);
      const i = made.posToIdx(left);
      if (mark !== undefined) go(changesOf(mark.at / 1000 - 1, mark.at / 1000 + 1));
      else if (now.current.behind !== undefined && now.current.times[i] !== undefined) go(now.current.behind(...pieceAt(i)));
    });
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
    const how = onBrush === undefined ? '' : ' Without a pointer: the fields since and until of this page say the time.';
    chart.current?.ctx.canvas.setAttribute('aria-label', summary(title, times, lines, ZONE) + how);
  }, [times, lines, marks, begin, end, palette]);
  const [from, until] = picked === undefined || times[picked] === undefined ? [begin, end] : pieceAt(picked);
  /** Arrow keys on the link choose a piece of time, as the mouse does on the chart. */
  const move = (event: KeyboardEvent): void => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const next = Math.min(times.length - 1, Math.max(0, (picked ?? (by < 0 ? times.length : -1)) + by));
    pick(next);
    const left = chart.current?.valToPos(times[next] ?? 0, 'x');
    if (left !== undefined) chart.current?.setCursor({ left, top: 0 });
  };
  return (
    <figure class="card chart" data-last={times.at(-1)}>
      <figcaption>
        {title}{' '}
        <span class="dim">
          {ZONE}
          {running ? `; dashed: ${incomplete(times, step)}` : ''}
        </span>
      </figcaption>
      <div ref={place} class={behind === undefined ? '' : 'leads'} />
      {(behind !== undefined || inside.length > 0) && (
        <div class="chart-foot">
          {behind !== undefined && times.length > 0 && (
            <a class="behind" href={behind(from, until)} onKeyDown={move} title="The arrow keys choose another piece of time">
              Connections {spanLabel(from, until)}
            </a>
          )}
          <Marks marks={inside} />
        </div>
      )}
    </figure>
  );
}

/** What the last piece is, where it is not complete. */
function incomplete(times: readonly number[], step: number): string {
  return (times.at(-1) ?? 0) + step > Date.now() / 1000 - STORED_S ? 'still running, at its rate so far' : 'a part of its time';
}

/** `12:00:00 to 12:05:00`, with dates where these are two. */
function spanLabel(from: number, until: number): string {
  const [begin, end] = [clockText(from * 1000, ZONE), clockText(until * 1000, ZONE)];
  const oneDay = begin.slice(0, 10) === end.slice(0, 10);
  return `${oneDay ? begin.slice(11) : begin} to ${oneDay ? end.slice(11) : end}`;
}

/** Rates and projections have digits that say nothing. */
function rounded(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Math.round(value * 10) / 10;
}
