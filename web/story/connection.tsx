import type { Change, ConnectionStory } from '../../src/story/document.ts';
import { bytesText, countText, durationText, plural } from '../../src/text/format.ts';
import { momentText } from '../../src/text/moment.ts';
import { connectionsOf } from '../links.ts';
import { spanText } from '../time.ts';
import { ZONE } from '../zone.ts';
import { clientStory, connectionStory, hostOf } from './links.ts';
import { Connections, Outcome, Who } from './tables.tsx';
import { Timeline } from './timeline.tsx';

/** So long before and after a connection others are looked for, ms; the collector's own measure. */
const AROUND_MS = 300_000;

/** A connection from its beginning to its end, and what was done and happened around it. */
export function ConnectionView({ story }: { readonly story: ConnectionStory }) {
  const { connection, sentence, steps, template, siblings, changes, around } = story;
  const { client, real, service, node, begin, end } = connection;
  const good = ['open', 'closed', 'idle', 'one_packet'].includes(connection.outcome);
  const led = connection.isTemplate ? 'It led' : 'The template also led';
  const lines = [
    ...steps.map((step) => ({ ...step, change: undefined as Change | undefined })),
    ...changes.map((change) => ({ at: change.at, text: `${change.what}: ${change.change}`, change })),
  ].sort((a, b) => a.at - b.at);
  const until = end ?? Date.now();
  const then = spanText(begin / 1000, until / 1000);
  return (
    <>
      <p class={`verdict ${connection.cut ? 'bad' : good ? 'good' : ''}`}>{sentence}</p>
      <dl class="facts">
        <dt>Client</dt>
        <dd>
          <a href={clientStory(client)}>{client}</a>
        </dd>
        <dt>Virtual service</dt>
        <dd>
          <a href={connectionsOf(then, { vs: service })}>{service}</a>
        </dd>
        <dt>Real server</dt>
        <dd>
          <a href={connectionsOf(then, { rs: real })}>{real}</a>
          {connection.weight === 0 && <span class="bad"> quiesced: it had weight 0 when this was created</span>}
        </dd>
        <dt>Director</dt>
        <dd>{node}</dd>
        <dt>Created</dt>
        <dd>{momentText(begin, ZONE)}</dd>
        <dt>Ended</dt>
        <dd>{end === null ? 'no' : momentText(end, ZONE)}</dd>
        <dt>Outcome</dt>
        <dd>
          <Outcome of={connection} />
          {end !== null && (
            <span class="dim">
              {' '}
              reason {connection.reason}, last state {connection.state}
            </span>
          )}
        </dd>
        {end !== null && (
          <>
            <dt>Traffic</dt>
            <dd>
              {bytesText(connection.bytesIn)} in ({plural(connection.packetsIn, 'packet')}), {bytesText(connection.bytesOut)} out (
              {plural(connection.packetsOut, 'packet')})
            </dd>
          </>
        )}
        <dt>Persistence</dt>
        <dd>
          {connection.isTemplate ? 'this is a persistence template' : template === null ? 'none' : 'led here by '}
          {template !== null && <a href={connectionStory(template)}>the template of {momentText(template.begin, ZONE)}</a>}
          {siblings > 0 && (
            <>
              {'. '}
              {led} {plural(siblings, connection.isTemplate ? 'connection' : 'other connection')}.
            </>
          )}
        </dd>
        <dt>Balancer</dt>
        <dd class="dim">
          forward {connection.forward}, timer {durationText(connection.timer)}
          {connection.flags.length > 0 && `, flags ${connection.flags.join(', ')}`}, number {connection.id}
        </dd>
      </dl>
      <h2>What happened</h2>
      <ol class="steps">
        {lines.map(({ at, text, change }, i) => (
          <li key={`${at} ${i}`} class={change === undefined ? '' : 'other'}>
            <time>{momentText(at, ZONE)}</time>{' '}
            <span>
              {text}
              {change !== undefined && (
                <span class="dim">
                  {' '}
                  by <Who change={change} />
                </span>
              )}
            </span>
          </li>
        ))}
      </ol>
      {lines.length === 0 && <p class="dim">The log no longer has its events.</p>}
      <h2>
        Other connections of {hostOf(client)} <span class="dim">within {durationText(AROUND_MS / 1000)}</span>
      </h2>
      {around.length === 0 ? (
        <p class="dim">None.</p>
      ) : (
        <>
          <Timeline
            title={`This one and ${countText(around.length)} around it`}
            connections={[connection, ...around]}
            since={begin - AROUND_MS}
            until={Math.min(Date.now(), until + AROUND_MS)}
            marked={connection.id}
          />
          <Connections label="Connections around it" all={around} directors={around.some((one) => one.node !== node)} />
        </>
      )}
    </>
  );
}
