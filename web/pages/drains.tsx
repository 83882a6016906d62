import { durationText } from '../../src/plot/text.ts';
import { askReport, type Drain, get } from '../api.ts';
import { useAnswer } from '../ask.ts';
import { confirm } from '../confirm.tsx';
import { Problem } from '../parts.tsx';
import { PlotView } from '../plot.tsx';
import { change, useSession } from '../session.ts';
import { Table } from '../table.tsx';
import { GiveBack } from './services.tsx';

/** The most connections that each drain was seen with: what its bar is measured by. */
const most = new Map<string, number>();

/** Quiesced real servers: what is left on them, until when, and whether the cable can be pulled. */
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
          No real server is quiesced. <a href="/services">Services</a> shows all.
        </p>
      )}
      {drains.answer?.map((drain) => (
        <One key={`${drain.service} ${drain.real}`} drain={drain} settable={session?.settable === true} />
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
  const { service, real, text, prediction, clients, oldest, templates } = drain;
  const left = drain.active + drain.inactive;
  const key = `${service} ${real}`;
  most.set(key, Math.max(most.get(key) ?? 0, left));
  const whole = most.get(key) ?? 0;
  return (
    <section class="card drain" aria-label={`Drain of ${real}`}>
      <h2>
        {real} <span class="dim">of {service}</span>
      </h2>
      <p class={left === 0 ? 'good verdict' : 'verdict'}>{left === 0 ? 'Safe to unplug: it has no connection left.' : text}</p>
      <progress max={Math.max(1, whole)} value={whole === 0 ? 1 : whole - left} aria-label={`${real}: share that is gone`} />
      {prediction !== '' && <p>{prediction}</p>}
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
      {settable && (
        <p class="row">
          <GiveBack service={service} real={real} />
          {left === 0 && (
            <button
              type="button"
              class="quiet"
              onClick={() =>
                confirm({
                  title: `Remove ${real}?`,
                  text: `It is taken out of ${service}.`,
                  act: 'Remove',
                  run: async () => {
                    await change('/api/drain', { action: 'remove', real, service });
                    return `${real} is no real server of ${service} any more.`;
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
