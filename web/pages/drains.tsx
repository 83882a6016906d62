import { durationText } from '../../src/text/format.ts';
import { askReport, type Drain, get } from '../api.ts';
import { useAnswer } from '../ask.ts';
import { confirm } from '../confirm.tsx';
import { Problem } from '../parts.tsx';
import { PlotView } from '../plot.tsx';
import { change, useSession } from '../session.ts';
import { Table } from '../table.tsx';
import { Restore } from './services.tsx';

/** The most established connections that each drain was seen with: what its bar is measured by. */
const most = new Map<string, number>();

/** Quiesced hosts and real servers: what is left on them, until when, and whether the cable can be pulled. */
export function Drains() {
  const session = useSession();
  const drains = useAnswer('drains', (signal) => get<readonly Drain[]>('/api/drains', signal), 2000);
  const before = useAnswer('drain history', (signal) => askReport('drain', { since: '30d' }, signal), 30_000);
  return (
    <>
      <h1>Drain board</h1>
      {drains.error !== undefined && <Problem text={drains.error} />}
      {drains.answer?.length === 0 && (
        <p class="dim">
          Nothing is quiesced. <a href="/services">Services</a> shows all.
        </p>
      )}
      {drains.answer?.map((drain) => (
        <One key={`${drain.service} ${drain.of}`} drain={drain} settable={session?.settable === true} />
      ))}
      <h2>Drains of the last 30 days</h2>
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

function One({ drain, settable }: { readonly drain: Drain; readonly settable: boolean }) {
  const { of, service, host, places, established, text, verdict, serves, prediction, clients, oldest, templates } = drain;
  const key = `${service ?? ''} ${of}`;
  most.set(key, Math.max(most.get(key) ?? 0, established));
  const whole = most.get(key) ?? 0;
  const only = service === null ? {} : { service };
  return (
    <section class={established === 0 ? 'card drain drained' : 'card drain'} aria-label={`Drain of ${of}`}>
      <h2>
        {of} <span class="dim">{host ? 'the host' : service === null ? 'in all its services' : `of ${service}`}</span>
      </h2>
      <p class={established === 0 ? 'good verdict' : 'verdict'}>{verdict === '' ? text : `${verdict}: ${text}.`}</p>
      <progress max={Math.max(1, whole)} value={whole === 0 ? 1 : whole - established} aria-label={`${of}: share that is gone`} />
      {prediction !== '' && <p>{prediction}</p>}
      {serves.length > 0 && (
        <p class="dim">
          The host still serves {serves.slice(0, 3).join(', ')}
          {serves.length > 3 ? ` and ${serves.length - 3} more` : ''}: do not pull its cable.
        </p>
      )}
      {templates > 0 && (
        <p class="dim">
          {templates} persistence {templates === 1 ? 'template' : 'templates'}: a client that comes back in time is sent here, unless
          expire_quiescent_template is 1.
        </p>
      )}
      {clients.length > 0 && (
        <p class="dim">
          Clients: {clients.map(([client, count]) => `${client} (${count})`).join(', ')}
          {oldest === null ? '' : `; the oldest is there for ${durationText(oldest)}`}
        </p>
      )}
      {host && <p class="dim">{places.map((place) => `${place.real} of ${place.service}`).join(', ')}</p>}
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
