import { bytesText, countText } from '../../src/text/format.ts';
import { askReport } from '../api.ts';
import { useAnswer } from '../ask.ts';
import { useLive } from '../live.ts';
import { Problem, Tile } from '../parts.tsx';
import { Table } from '../table.tsx';

/** Whether everything is logged, and arrives. */
export function Health() {
  const { samples, problem } = useLive();
  const losses = useAnswer('loss', (signal) => askReport('loss', { since: '30d' }, signal), 30_000);
  const last = samples.at(-1);
  const journal = last?.capture.account?.journal;
  return (
    <>
      <h1>Completeness</h1>
      {problem !== undefined && <Problem text={problem} />}
      {last !== undefined && (
        <>
          <div class="tiles">
            <Tile
              name="Capture"
              value={last.capture.connected ? 'connected' : 'away'}
              state={last.capture.connected ? 'good' : 'bad'}
              note={last.capture.error ?? last.capture.source}
            />
            <Tile name="Not on disk yet" value={last.lag_events === null ? 'unknown' : countText(last.lag_events)} note="events" />
            <Tile
              name="Journal"
              value={journal === undefined ? '–' : `${Math.round((journal.used / journal.bytes) * 100)} %`}
              note="full"
            />
            <Tile
              name="Spool"
              value={bytesText(last.spool.bytes)}
              state={last.spool.state === 'running' ? 'good' : 'bad'}
              note={last.spool.state === 'running' ? `${countText(last.spool.segments)} segments` : last.spool.state}
            />
            <Tile
              name="Set aside"
              value={countText(last.spool.quarantined)}
              state={last.spool.quarantined === 0 ? 'good' : 'bad'}
              note="damaged segments"
            />
          </div>
          <h2>Sinks</h2>
          <Table
            label="Sinks"
            columns={[
              { title: 'sink', right: false },
              { title: 'state', right: false },
              { title: 'delivered', right: true },
              { title: 'lacks', right: true },
              { title: 'segments', right: true },
              { title: 'refused', right: true },
              { title: 'what is wrong', right: false },
            ]}
            cells={last.sinks.map((sink) => [
              sink.name,
              sink.circuit === 'open' ? 'stopped' : sink.state,
              countText(sink.delivered_events),
              `${countText(sink.lag_events)} events`,
              countText(sink.lag_segments),
              countText(sink.refused),
              sink.error ?? '',
            ])}
          />
        </>
      )}
      <h2>Losses and gaps</h2>
      {losses.error !== undefined && <Problem text={losses.error} />}
      {losses.answer !== undefined &&
        (losses.answer.cells.length === 0 ? (
          <p class="good">{losses.answer.none}</p>
        ) : (
          <Table label="Losses" columns={losses.answer.columns} cells={losses.answer.cells} />
        ))}
      <p class="dim">
        <code>vslog verify</code> proves more: checksums, the chain over the spool, and every sink's counts.
      </p>
    </>
  );
}
