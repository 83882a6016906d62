import { bytesText, countText } from '../../src/text/format.ts';
import { askReport, type Status } from '../api.ts';
import { useAnswer } from '../ask.ts';
import { activeLines, useBalancer, useMarks } from '../balancer.ts';
import { Chart } from '../chart.tsx';
import { useLive } from '../live.ts';
import { Problem, Tile } from '../parts.tsx';
import { PlotView } from '../plot.tsx';
import { Table } from '../table.tsx';

/** A counter's rate between neighbouring samples, a second; null where it began anew. */
function rates(samples: readonly Status[], value: (status: Status) => number | undefined): (number | null)[] {
  return samples.map((sample, i) => {
    const before = samples[i - 1];
    const [now, then] = [value(sample), before === undefined ? undefined : value(before)];
    if (before === undefined || now === undefined || then === undefined || now < then) return null;
    return ((now - then) / (sample.at - before.at)) * 1000;
  });
}

/** How everything is, live. */
export function Overview() {
  const { samples, problem } = useLive();
  const reasons = useAnswer('reasons', (signal) => askReport('reasons', { since: '1h', by: 'rs', limit: '200' }, signal), 15_000);
  const churn = useAnswer('churn', (signal) => askReport('churn', { since: '3h' }, signal), 15_000);
  const drops = useAnswer('nodest', (signal) => askReport('nodest', { since: '1h' }, signal), 15_000);
  const { looks } = useBalancer();
  const marks = useMarks('1h');
  const last = samples.at(-1);
  const times = samples.map(({ at }) => at / 1000);
  const lost =
    last === undefined
      ? 0
      : last.counters.lost +
        (last.capture.account?.losses ?? []).filter(({ where }) => where !== 'summarised').reduce((sum, one) => sum + one.lost, 0);
  const stopped = last?.sinks.filter(({ circuit }) => circuit === 'open') ?? [];
  const rate = rates(samples, (status) => status.counters.events);
  return (
    <>
      <h1>Overview</h1>
      {problem !== undefined && <Problem text={problem} />}
      <div class="tiles">
        <Tile
          name="Director"
          value={last?.capture.node || '–'}
          note={last === undefined ? '' : `source ${last.capture.source || 'unknown'}`}
        />
        <Tile
          name="Capture"
          value={last?.capture.connected === true ? 'connected' : 'away'}
          state={last?.capture.connected === true ? 'good' : 'bad'}
          note={last?.capture.error ?? ''}
        />
        <Tile name="Open connections" value={countText(last?.capture.account?.connections ?? 0)} />
        <Tile name="Events a second" value={countText(Math.round(rate.at(-1) ?? 0))} />
        <Tile
          name="Lost"
          value={countText(lost)}
          state={lost === 0 ? 'good' : 'bad'}
          note={lost === 0 ? 'nothing is missing' : ''}
          href="/health"
        />
        <Tile
          name="Sinks"
          value={stopped.length === 0 ? 'all take' : `${stopped.length} stopped`}
          state={stopped.length === 0 ? 'good' : 'bad'}
          note={last === undefined ? '' : `spool ${bytesText(last.spool.bytes)}`}
          href="/health"
        />
      </div>
      <div class="grid">
        <Chart title="Events a second" times={times} lines={[{ name: 'events', unit: 'count', values: rate }]} marks={marks} />
        <Chart
          title="Open connections"
          times={times}
          lines={[{ name: 'open', unit: 'count', values: samples.map((sample) => sample.capture.account?.connections ?? null) }]}
          marks={marks}
        />
      </div>
      {looks.length > 0 && (
        <Chart
          title="Active connections by real server"
          times={looks.map(({ at }) => at / 1000)}
          lines={activeLines(looks)}
          marks={marks}
          height={180}
        />
      )}
      <h2>Last hours</h2>
      {churn.error !== undefined && <Problem text={churn.error} />}
      {churn.answer?.plot && <PlotView plot={churn.answer.plot} />}
      <h2>Ends in the last hour, by real server</h2>
      {reasons.answer?.plot ? <PlotView plot={reasons.answer.plot} /> : <p class="dim">{reasons.answer?.none ?? 'Asking…'}</p>}
      <h2>Silent drops in the last hour</h2>
      {drops.answer !== undefined &&
        (drops.answer.cells.length === 0 ? (
          <p class="dim">{drops.answer.none}</p>
        ) : (
          <Table label="Silent drops" columns={drops.answer.columns} cells={drops.answer.cells} />
        ))}
    </>
  );
}
