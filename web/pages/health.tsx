import { bytesText, countText, percentText, plural } from '../../src/text/format.ts';
import { askReport, type Status } from '../api.ts';
import { useAnswer } from '../ask.ts';
import { useLive } from '../live.ts';
import { Problem, Tile } from '../parts.tsx';
import { Table } from '../table.tsx';

/** Whether everything is logged, and arrives. */
export function Health() {
  const { samples, problem } = useLive();
  const losses = useAnswer('loss', (signal) => askReport('loss', { since: '30d' }, signal), 30_000);
  const last = samples.at(-1);
  return (
    <>
      <h1>Completeness</h1>
      {problem !== undefined && <Problem text={problem} />}
      {last === undefined && problem === undefined && <p class="dim">Asking…</p>}
      {last !== undefined && (
        <>
          <Tiles status={last} />
          <Sinks status={last} />
        </>
      )}
      <h2>Losses and gaps in the last 30 days</h2>
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

function Tiles({ status: { capture, lag_events: lag, spool } }: { readonly status: Status }) {
  const journal = capture.account?.journal;
  const used = journal === undefined || journal.bytes === 0 ? undefined : journal.used / journal.bytes;
  return (
    <div class="tiles">
      <Tile
        name="Capture"
        value={capture.connected ? 'connected' : 'not connected'}
        state={capture.connected ? 'good' : 'bad'}
        note={capture.error ?? `source ${capture.source}`}
      />
      <Tile name="Journal" value={used === undefined ? '–' : `${percentText(used)} full`} note="events that wait for the collector" />
      <Tile name="Not on disk yet" value={lag === null ? 'unknown' : countText(lag)} note="events" />
      <Tile
        name="Spool"
        value={bytesText(spool.bytes)}
        state={spool.state === 'running' ? 'good' : 'bad'}
        note={spool.state === 'running' ? `${plural(spool.segments, 'segment')} on disk` : spool.state}
      />
      <Tile
        name="Quarantined"
        value={countText(spool.quarantined)}
        state={spool.quarantined === 0 ? 'good' : 'bad'}
        note={spool.quarantined === 0 ? 'no damaged segment' : 'damaged segments'}
      />
    </div>
  );
}

function Sinks({ status: { sinks } }: { readonly status: Status }) {
  const stopped = sinks.filter(({ circuit }) => circuit === 'open').length;
  return (
    <>
      <h2>
        Sinks:{' '}
        {sinks.length === 0 ? (
          <span class="dim">none</span>
        ) : (
          <span class={stopped === 0 ? 'good' : 'bad'}>{stopped === 0 ? 'OK' : `${countText(stopped)} stopped`}</span>
        )}
      </h2>
      {sinks.length > 0 && (
        <Table
          label="Sinks"
          columns={[
            { title: 'sink', right: false },
            { title: 'state', right: false },
            { title: 'events delivered', right: true },
            { title: 'events behind', right: true },
            { title: 'segments behind', right: true },
            { title: 'refused', right: true },
            { title: 'error', right: false },
          ]}
          cells={sinks.map((sink) => [
            sink.name,
            sink.circuit === 'open' ? 'stopped' : sink.state,
            countText(sink.delivered_events),
            countText(sink.lag_events),
            countText(sink.lag_segments),
            countText(sink.refused),
            sink.error ?? '',
          ])}
        />
      )}
    </>
  );
}
