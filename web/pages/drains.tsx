import { countText, durationText, plural } from '../../src/text/format.ts';
import { askReport, type Drain, get } from '../api.ts';
import { useAnswer } from '../ask.ts';
import { confirm } from '../confirm.tsx';
import { connectionsOf } from '../links.ts';
import { Problem } from '../parts.tsx';
import { PlotView } from '../plot.tsx';
import type { Place } from '../route.ts';
import { change, useSession } from '../session.ts';
import { clientStory } from '../story/links.ts';
import { Table } from '../table.tsx';
import { NOW, spanOf } from '../time.ts';
import { TimePicker } from '../time-picker.tsx';
import { Restore } from './services.tsx';

/** A drain is no matter of every hour. */
const FALLBACK = '30d';

/** The most established connections that each drain was seen with: what its bar is measured by. */
const most = new Map<string, number>();

/** Quiesced hosts and real servers: what is left on them, until when, and whether the cable can be pulled. */
export function Drains(place: Place) {
  const span = spanOf(place.query, FALLBACK);
  const session = useSession();
  const drains = useAnswer('drains', (signal) => get<readonly Drain[]>('/api/drains', signal), 2000);
  const before = useAnswer(
    `drain history ${span.since} ${span.until}`,
    (signal) => askReport('drain', { since: span.since, ...(span.until === '' ? {} : { until: span.until }) }, signal),
    30_000,
  );
  const done = drains.answer?.filter(({ established }) => established === 0).length ?? 0;
  return (
    <>
      <h1>Drain board</h1>
      {drains.error !== undefined && <Problem text={drains.error} />}
      {drains.answer?.length === 0 && (
        <p class="dim">
          Nothing is quiesced. To drain a real server, see <a href="/services">Services</a>.
        </p>
      )}
      {drains.answer !== undefined && drains.answer.length > 1 && (
        <p>
          {plural(drains.answer.length, 'drain')}: <b class="good">{countText(done)} done</b>, {countText(drains.answer.length - done)} in
          progress.
        </p>
      )}
      <div class="drains">
        {drains.answer?.map((drain) => (
          <One key={`${drain.service} ${drain.of}`} drain={drain} settable={session?.settable === true} />
        ))}
      </div>
      <h2>Drains of the past</h2>
      <TimePicker {...place} fallback={FALLBACK} />
      {before.error !== undefined && <Problem text={before.error} />}
      {before.answer?.plot && <PlotView plot={before.answer.plot} />}
      {before.answer !== undefined &&
        (before.answer.cells.length === 0 ? (
          <p class="dim">{before.answer.none}</p>
        ) : (
          <Table label="Drains" columns={before.answer.columns} cells={before.answer.cells} />
        ))}
    </>
  );
}

/** A sentence on whether it is over: "Safe to unplug: no established connections left." */
function Verdict({ drain }: { readonly drain: Drain }) {
  const { of, established, text, verdict, others, host } = drain;
  if (established === 0)
    return (
      <p class="good verdict">
        ✓ {verdict}: {text}.
      </p>
    );
  return (
    <p class="verdict">
      Not safe to {host ? 'unplug' : 'stop'} yet:{' '}
      <a href={connectionsOf(NOW, { rs: of, outcome: 'open' })}>{plural(established, 'established connection')} left</a>
      {others === 0 ? '' : `, ${plural(others, 'other')} ${others === 1 ? 'is' : 'are'} closing or half open`}.
    </p>
  );
}

/** A sentence of a forecast: it begins with a capital letter. */
const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/** Some of the places that a host has; the rest is a number. */
const PLACES = 6;

function One({ drain, settable }: { readonly drain: Drain; readonly settable: boolean }) {
  const { of, service, host, places, established, serves, prediction, clients, oldest, templates } = drain;
  const key = `${service ?? ''} ${of}`;
  most.set(key, Math.max(most.get(key) ?? 0, established));
  const whole = most.get(key) ?? 0;
  const only = service === null ? {} : { service };
  return (
    <section class={established === 0 ? 'card drain drained' : 'card drain'} aria-label={`Drain of ${of}`}>
      <h2>
        <a href={connectionsOf({}, { rs: of })}>{of}</a>{' '}
        <span class="dim">{host ? 'host' : service === null ? 'in all its services' : `of ${service}`}</span>
      </h2>
      <Verdict drain={drain} />
      <progress max={Math.max(1, whole)} value={whole === 0 ? 1 : whole - established} aria-label={`${of}: share that is gone`} />
      {prediction !== '' && <p>{sentence(prediction)}</p>}
      {serves.length > 0 && (
        <p class="bad">
          The host still serves {serves.slice(0, 3).join(', ')}
          {serves.length > 3 ? ` and ${serves.length - 3} more` : ''}: do not pull its cable.
        </p>
      )}
      {templates > 0 && (
        <p class="dim">
          {plural(templates, 'persistence template')}: a client that comes back in time is sent here, unless{' '}
          <a href="/knobs?find=expire_quiescent_template">expire_quiescent_template</a> is 1.
        </p>
      )}
      {clients.length > 0 && (
        <p class="dim">
          Clients:{' '}
          {clients.map(([client, count], i) => (
            <span key={client}>
              {i > 0 && ', '}
              <a href={clientStory(client)}>{client}</a> ({countText(count)})
            </span>
          ))}
          {oldest === null ? '' : `; the oldest connection is ${durationText(oldest)} old`}
        </p>
      )}
      {host && (
        <p class="dim">
          Ports:{' '}
          {places
            .slice(0, PLACES)
            .map((place) => `${place.real} of ${place.service}`)
            .join(', ')}
          {places.length > PLACES && ` and ${places.length - PLACES} more`}
        </p>
      )}
      {settable && (
        <p class="row">
          <Restore of={of} {...only} />
          {established === 0 && places.length > 0 && (
            <button
              type="button"
              class="quiet"
              onClick={() =>
                confirm({
                  title: `Remove ${of}?`,
                  text: `It is taken out of ${service ?? 'every virtual service that has it'}.`,
                  act: 'Remove',
                  run: async () => {
                    const { removed } = await change<{ removed: readonly string[] }>('/api/drain', { action: 'remove', of, ...only });
                    return `Removed: ${removed.join(', ')}.`;
                  },
                })
              }
            >
              Remove
            </button>
          )}
        </p>
      )}
    </section>
  );
}
