import type { ClientAnswer } from '../../src/story/document.ts';
import { bytesText, countText, durationText, plural } from '../../src/text/format.ts';
import { momentText } from '../../src/text/moment.ts';
import { Tile } from '../parts.tsx';
import { ZONE } from '../zone.ts';
import { onServer } from './links.ts';
import { Clock, IN_ZONE, Rows } from './rows.tsx';
import { ChangeRows, Connections } from './tables.tsx';
import { Timeline } from './timeline.tsx';

/** `3 min ago`: in the largest unit alone. */
function ago(at: number, now: number): string {
  const seconds = Math.max(0, (now - at) / 1000);
  const unit = [86_400, 3600, 60, 1].find((size) => seconds >= size) ?? 1;
  return `${durationText(Math.floor(seconds / unit) * unit)} ago`;
}

/** All that the log knows of a client in a time. */
export function ClientView({ story }: { readonly story: ClientAnswer }) {
  const { total, outcomes, stays, connections, drops, refusals, changes, client, since, until } = story;
  const range = { since: new Date(since).toISOString(), until: new Date(until).toISOString() };
  const all = `/connections?${new URLSearchParams({ client, ...range })}`;
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
        <Rows
          label="Silent drops"
          columns={['real server', 'virtual service', 'packets dropped>', 'connections>', `first ${IN_ZONE}`, 'last', 'server removed']}
          rows={drops.map((drop, i) => ({
            key: `${i}`,
            cells: [
              <a key="rs" href={onServer(drop.real)}>
                {drop.real}
              </a>,
              drop.service,
              countText(drop.packets),
              countText(drop.connections),
              <Clock key="first" at={drop.first} />,
              <Clock key="last" at={drop.last} />,
              drop.removed === null ? 'not known' : <Clock key="removed" at={drop.removed} />,
            ],
          }))}
        />
      )}
      {refusals.length > 0 && (
        <Rows
          label="Refused connections"
          columns={['virtual service', 'refused: no real server>', `first ${IN_ZONE}`, 'last', 'director']}
          rows={refusals.map((one, i) => ({
            key: `${i}`,
            cells: [
              one.service,
              countText(one.connections),
              <Clock key="first" at={one.first} />,
              <Clock key="last" at={one.last} />,
              one.node,
            ],
          }))}
        />
      )}
      {stays.length > 0 && <h2>Real servers</h2>}
      {stays.length > 0 && (
        <Rows
          label="Real servers"
          columns={['real server', 'virtual service', 'connections>', 'open>', 'cut>', `first ${IN_ZONE}`, 'last', 'director']}
          rows={stays.map((stay) => ({
            key: `${stay.node} ${stay.service} ${stay.real}`,
            cells: [
              <a key="rs" href={`/connections?${new URLSearchParams({ client, rs: stay.real, ...range })}`}>
                {stay.real}
              </a>,
              stay.service,
              countText(stay.connections),
              countText(stay.open),
              stay.cut === 0 ? '0' : <b class="bad">{countText(stay.cut)}</b>,
              <Clock key="first" at={stay.first} />,
              stay.last === null ? 'now' : <Clock key="last" at={stay.last} />,
              stay.node,
            ],
          }))}
        />
      )}
      {stays.length > 0 && <h2>Changes at these real servers</h2>}
      {stays.length > 0 && changes.length === 0 && <p class="dim">Nothing was changed at them in this period.</p>}
      {changes.length > 0 && <ChangeRows label="Changes" all={changes} most={8} />}
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
