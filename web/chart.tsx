import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import type { Unit } from '../src/plot/plot.ts';
import { valueText } from '../src/plot/text.ts';

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
  /** What happened when, seconds since 1970. */
  readonly marks?: readonly { readonly at: number; readonly text: string }[];
  readonly height?: number;
}

const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Lines over time. */
export function Chart({ title, times, lines, marks = [], height = 160 }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | undefined>(undefined);
  const shape = lines.map(({ name, unit }) => `${name} ${unit}`).join();
  const shown = useRef(marks);
  shown.current = marks;
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
        cursor: { y: false },
        legend: { live: true },
        scales: { y: { range: (_plot, _low, high) => [0, Math.max(1e-9, high * 1.1)] } },
        axes: [axis, { ...axis, size: 64, values: (_plot, splits) => splits.map((value) => valueText(value, unit)) }],
        series: [
          {},
          ...lines.map((line, i) => ({
            label: line.name,
            stroke: colour(`--series-${(i % 6) + 1}`),
            width: 1.5,
            points: { show: false },
            value: (_plot: uPlot, value: number | null) => (value === null ? '–' : valueText(value, line.unit)),
          })),
        ],
        hooks: {
          draw: [
            (plot) => {
              plot.ctx.strokeStyle = colour('--accent');
              plot.ctx.setLineDash([4, 4]);
              for (const { at } of shown.current) {
                const x = plot.valToPos(at, 'x', true);
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
  }, [shape, height]);
  useEffect(() => chart.current?.setData(data()), [times, lines]);
  return (
    <figure class="card chart" data-last={times.at(-1)}>
      <figcaption>{title}</figcaption>
      <div ref={place} />
    </figure>
  );
}
