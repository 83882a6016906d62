import type { ClientAnswer } from '../../src/story/document.ts';
import { bytesText, countText, durationText, plural } from '../../src/text/format.ts';
import { momentText } from '../../src/text/moment.ts';
import { connectionsOf } from '../links.ts';
import { Tile } from '../parts.tsx';
import { type Cell, Table } from '../table.tsx';
import type { Span } from '../time.ts';
import { ZONE } from '../zone.ts';
import { clock, columnsOf, IN_ZONE } from './cells.ts';
import { ChangeRows, Connections } from './tables.tsx';
import { Timeline } from './timeline.tsx';

/** `3 min ago`: in the largest unit alone. */
function ago(at: number, now: number): string {
  const seconds = Math.max(0, (now - at) / 1000);
  const unit = [86_400, 3600, 60, 1].find((size) => seconds >= size) ?? 1;
  return `${durationText(Math.floor(seconds / unit) * unit)} ago`;
}

/** All that the log knows of a client in a time. */
export function ClientView({ story, span }: { readonly story: ClientAnswer; readonly span: Span }) {
  const { total, outcomes, stays, connections, drops, refusals, changes, client, since, until } = story;
  const all = connectionsOf(span, { client });
  const cut = connections.length < total.connections;
  return (
    <>
      <div class="tiles">
        <Tile
          name="Connections"
          value={countText(total.connections)}
          note={total.clients > 1 ? `of ${plural(total.clients, 'client')}` : bytesText(total.bytes)}
          href={all}
        />
        <Tile name="Open now" value={countText(total.open)} />
        <Tile
          name="First seen"
          value={total.first === null ? 'never' : ago(total.first, until)}
          note={total.first === null ? '' : momentText(total.first, ZONE)}
        />
        <Tile
          name="Last seen"
          value={total.open > 0 ? 'now' : total.last === null ? 'never' : ago(total.last, until)}
          note={total.last === null ? '' : momentText(total.last, ZONE)}
        />
        <Tile
          name="Services"
          value={countText(total.services)}
          note={`${plural(total.reals, 'real server')}, ${plural(total.nodes, 'director')}`}
        />
        <Tile
          name="Cut"
          value={countText(total.cut)}
          state={total.cut === 0 ? 'good' : 'bad'}
          note={total.cut === 0 ? 'none was cut' : 'ended by others while established'}
        />
      </div>
      {total.connections === 0 && <p class="dim">The log has no connection of {client} in this period.</p>}
      <Timeline
        title={cut ? `Newest ${connections.length} connections by real server` : 'Connections by real server'}
        {...{ connections, since, until, outcomes }}
      />
      {(drops.length > 0 || refusals.length > 0) && <h2>Dropped and refused</h2>}
      {drops.length > 0 && (
        <Table
          label="Silent drops"
          columns={columnsOf(
            'real server',
            'virtual service',
            'packets dropped>',
            'connections>',
            `first ${IN_ZONE}`,
            'last',
            'server removed',
          )}
          cells={drops.map((drop): Cell[] => [
            { text: drop.real, href: connectionsOf(span, { rs: drop.real }) },
            drop.service,
            { text: countText(drop.packets), value: drop.packets },
            { text: countText(drop.connections), value: drop.connections },
            clock(drop.first),
            clock(drop.last),
            clock(drop.removed, 'not known'),
          ])}
        />
      )}
      {refusals.length > 0 && (
        <Table
          label="Refused connections"
          columns={columnsOf('virtual service', 'refused: no real server>', `first ${IN_ZONE}`, 'last', 'director')}
          cells={refusals.map((one): Cell[] => [
            one.service,
            { text: countText(one.connections), value: one.connections },
            clock(one.first),
            clock(one.last),
            one.node,
          ])}
        />
      )}
      {stays.length > 0 && <h2>Real servers</h2>}
      {stays.length > 0 && (
        <Table
          label="Real servers"
          columns={columnsOf('real server', 'virtual service', 'connections>', 'open>', 'cut>', `first ${IN_ZONE}`, 'last', 'director')}
          cells={stays.map((stay): Cell[] => [
            { text: stay.real, href: connectionsOf(span, { client, rs: stay.real, vs: stay.service }) },
            stay.service,
            { text: countText(stay.connections), value: stay.connections },
            { text: countText(stay.open), value: stay.open },
            { text: countText(stay.cut), value: stay.cut, ...(stay.cut === 0 ? {} : { class: 'bad' }) },
            clock(stay.first),
            clock(stay.last, 'now'),
            stay.node,
          ])}
        />
      )}
      {stays.length > 0 && <h2>Changes at these real servers</h2>}
      {stays.length > 0 && changes.length === 0 && <p class="dim">Nothing was changed at them in this period.</p>}
      {changes.length > 0 && <ChangeRows label="Changes" all={changes} />}
      {connections.length > 0 && (
        <>
          <h2>{cut ? `Newest ${connections.length} of ${countText(total.connections)} connections` : 'Connections'}</h2>
          <Connections label="Connections" all={connections} directors={total.nodes > 1} />
          {cut && (
            <p>
              <a href={all}>All connections in this period</a>
            </p>
          )}
        </>
      )}
    </>
  );
}
