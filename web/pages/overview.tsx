import { bytesText, countText, wholeText } from '../../src/text/format.ts';
import { askReport, type Status } from '../api.ts';
import { useAnswer } from '../ask.ts';
import { openSamples, useBalancer, useMarks } from '../balancer.ts';
import { Chart } from '../chart.tsx';
import { levelSeries, OTHERS, rateSeries, serverLevels, useHistory } from '../history.ts';
import { connectionsOf } from '../links.ts';
import { useLive } from '../live.ts';
import { Problem, Tile } from '../parts.tsx';
import { PlotView } from '../plot.tsx';
import { go, type Place } from '../route.ts';
import { Table } from '../table.tsx';
import { NOW, type Span, spanOf, spanText, withSpan } from '../time.ts';
import { TimePicker } from '../time-picker.tsx';
import { cellsOf } from './reports.tsx';

const FALLBACK = '1h';

/** How everything is: the numbers of now, then the time that was chosen. */
export function Overview(place: Place) {
  const { samples, problem } = useLive();
  const span = spanOf(place.query, FALLBACK);
  return (
    <>
      <h1>Overview</h1>
      {problem !== undefined && <Problem text={problem} />}
      <Tiles samples={samples} />
      <TimePicker {...place} fallback={FALLBACK} />
      <Charts place={place} span={span} samples={samples} />
      <Answers span={span} />
    </>
  );
}

/** Events/s between the last two samples; undefined while it is not known. */
function rateOf(samples: readonly Status[]): number | undefined {
  const [before, last] = samples.slice(-2);
  if (before === undefined || last === undefined || last.counters.events < before.counters.events) return undefined;
  return ((last.counters.events - before.counters.events) / (last.at - before.at)) * 1000;
}

function Tiles({ samples }: { readonly samples: readonly Status[] }) {
  const last = samples.at(-1);
  const open = last?.capture.account?.connections;
  const rate = rateOf(samples);
  const lost =
    last === undefined
      ? 0
      : last.counters.lost +
        (last.capture.account?.losses ?? []).filter(({ where }) => where !== 'summarised').reduce((sum, one) => sum + one.lost, 0);
  const stopped = last?.sinks.filter(({ circuit }) => circuit === 'open') ?? [];
  const unknown = last === undefined ? {} : undefined;
  return (
    <div class="tiles">
      <Tile
        name="Director"
        value={last?.capture.node || '–'}
        note={last === undefined ? '' : `source ${last.capture.source || 'unknown'}`}
      />
      <Tile
        name="Capture"
        value={last === undefined ? '–' : last.capture.connected ? 'connected' : 'not connected'}
        {...(unknown ?? { state: last?.capture.connected === true ? 'good' : 'bad' })}
        note={last?.capture.error ?? ''}
        href="/health"
      />
      <Tile
        name="Open connections"
        value={open === undefined ? '–' : countText(open)}
        {...(open === undefined || open === 0 ? {} : { href: connectionsOf(NOW, { outcome: 'open' }) })}
      />
      <Tile name="Events/s" value={rate === undefined ? '–' : wholeText(rate)} note="recorded" />
      <Tile
        name="Lost events"
        value={last === undefined ? '–' : countText(lost)}
        {...(unknown ?? { state: lost === 0 ? 'good' : 'bad' })}
        note={lost === 0 ? 'the log is complete' : 'see Completeness'}
        href="/health"
      />
      <Tile
        name="Sinks"
        value={last === undefined ? '–' : stopped.length === 0 ? 'OK' : `${stopped.length} stopped`}
        {...(unknown ?? { state: stopped.length === 0 ? 'good' : 'bad' })}
        note={last === undefined ? '' : `spool ${bytesText(last.spool.bytes)}`}
        href="/health"
      />
    </div>
  );
}

interface ChartsProps {
  readonly place: Place;
  readonly span: Span;
  readonly samples: readonly Status[];
}

/** What came, went and was there in the chosen time; live where it goes on. */
function Charts({ place, span, samples }: ChartsProps) {
  const { answer: history, error } = useHistory(span);
  const { looks } = useBalancer();
  const marks = useMarks(span);
  if (history === undefined) return error === undefined ? <p class="dim">Asking…</p> : <Problem text={error} />;
  const live = span.until === '' || span.until === 'now';
  const onBrush = (from: number, until: number): void => go(withSpan(place, spanText(from, until)));
  const behind = (from: number, until: number): string => connectionsOf(spanText(from, until));
  const now = samples.map((sample) => ({ at: sample.at, values: { open: sample.capture.account?.connections ?? null } }));
  const levels = serverLevels(history);
  const names = Object.keys(levels);
  return (
    <>
      {error !== undefined && <Problem text={error} />}
      <div class="grid">
        <Chart title="New and ended connections per minute" {...rateSeries(history)} marks={marks} onBrush={onBrush} behind={behind} />
        <Chart
          title="Open connections"
          {...levelSeries(history, { open: history.open }, now, live)}
          marks={marks}
          onBrush={onBrush}
          behind={behind}
        />
      </div>
      {names.length > 0 && (
        <Chart
          title="Open connections by real server"
          {...levelSeries(history, levels, openSamples(looks, names, OTHERS), live)}
          marks={marks}
          height={180}
          onBrush={onBrush}
          behind={behind}
        />
      )}
    </>
  );
}

/** How connections ended in the chosen time, and what was dropped. */
function Answers({ span }: { readonly span: Span }) {
  const said = { since: span.since, ...(span.until === '' ? {} : { until: span.until }) };
  const key = `${span.since} ${span.until}`;
  const reasons = useAnswer(`reasons ${key}`, (signal) => askReport('reasons', { ...said, by: 'rs', limit: '200' }, signal), 15_000);
  const drops = useAnswer(`nodest ${key}`, (signal) => askReport('nodest', { ...said }, signal), 15_000);
  const more = new URLSearchParams(said);
  return (
    <>
      <h2>Ended connections by real server</h2>
      {reasons.error !== undefined && <Problem text={reasons.error} />}
      {reasons.answer?.plot ? (
        <PlotView plot={reasons.answer.plot} links={reasons.answer.plot_links} />
      ) : (
        reasons.error === undefined && <p class="dim">{reasons.answer?.none ?? 'Asking…'}</p>
      )}
      <p class="links">
        <a href={`/reports/reasons?${more}&by=rs&limit=10000`}>
          {reasons.answer?.more === true ? 'Only the busiest real servers are shown. Report of all' : 'Report: outcomes by real server'}
        </a>
      </p>
      <h2>Silent drops</h2>
      {drops.error !== undefined && <Problem text={drops.error} />}
      {drops.answer !== undefined &&
        (drops.answer.cells.length === 0 ? (
          <p class="dim">{drops.answer.none}</p>
        ) : (
          <Table label="Silent drops" columns={drops.answer.columns} cells={cellsOf(drops.answer)} />
        ))}
    </>
  );
}
