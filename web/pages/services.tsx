import { useState } from 'preact/hooks';
import { countText, plural } from '../../src/text/format.ts';
import type { Real, Service } from '../api.ts';
import { type Look, openSamples, useBalancer, useMarks } from '../balancer.ts';
import { Chart } from '../chart.tsx';
import { confirm } from '../confirm.tsx';
import { levelSeries, OTHERS, serverLevels, useHistory } from '../history.ts';
import { connectionsOf } from '../links.ts';
import { Problem } from '../parts.tsx';
import { go, type Place } from '../route.ts';
import { change, useSession } from '../session.ts';
import { type Cell, Table, type TableColumn } from '../table.tsx';
import { NOW, spanOf, spanText, withSpan } from '../time.ts';
import { TimePicker } from '../time-picker.tsx';

/** So many services show their chart at once; those of the others open by a click. */
const CHARTS = 6;
const FALLBACK = '1h';

/** The virtual services and their real servers as they are, and their connections over time. */
export function Services(place: Place) {
  const { looks, problem } = useBalancer();
  const session = useSession();
  const services = looks.at(-1)?.services;
  return (
    <>
      <h1>Services</h1>
      {problem !== undefined && <Problem text={problem} />}
      {session?.settable === false && (
        <p class="dim">This console only shows. To drain from here, start the collector with --console-token-file.</p>
      )}
      <TimePicker {...place} fallback={FALLBACK} />
      {services === undefined && problem === undefined && <p class="dim">Asking…</p>}
      {services?.length === 0 && <p class="dim">The balancer has no virtual service.</p>}
      {services?.map((service, i) => (
        <section key={service.name} aria-label={service.name}>
          <h2>
            {service.name}{' '}
            <span class="dim">
              {service.settings.service_scheduler}, {plural(service.reals.length, 'real server')}
            </span>
          </h2>
          <Reals service={service} settable={session?.settable === true} />
          <Over name={service.name} place={place} looks={looks} open={i < CHARTS} />
        </section>
      ))}
    </>
  );
}

interface OverProps {
  readonly name: string;
  readonly place: Place;
  readonly looks: readonly Look[];
  readonly open: boolean;
}

/** The chart of a service; nothing is asked for it while it is shut. */
function Over({ open, ...rest }: OverProps) {
  const [shown, show] = useState(open);
  return (
    <details open={shown} onToggle={({ currentTarget }) => show(currentTarget.open)}>
      <summary class="dim">Open connections over time</summary>
      {shown && <OverTime {...rest} />}
    </details>
  );
}

function OverTime({ name, place, looks }: Omit<OverProps, 'open'>) {
  const span = spanOf(place.query, FALLBACK);
  const history = useHistory(span, { vs: name });
  const marks = useMarks(span);
  if (history.answer === undefined) return history.error === undefined ? <p class="dim">Asking…</p> : <Problem text={history.error} />;
  const levels = serverLevels(history.answer);
  const names = Object.keys(levels);
  return (
    <Chart
      title="Open connections by real server"
      {...levelSeries(history.answer, levels, openSamples(looks, names, OTHERS, name), span.until === '' || span.until === 'now')}
      marks={marks}
      onBrush={(from, until) => go(withSpan(place, spanText(from, until)))}
      behind={(from, until) => connectionsOf(spanText(from, until), { vs: name })}
    />
  );
}

function stateOf({ weight, overloaded, active }: Real): string {
  // As rs drain sees it: what closes, or is half open, carries nothing.
  if (weight === 0) return active === 0 ? 'drained' : 'quiesced';
  return overloaded ? 'overloaded' : 'in service';
}

const STATES: Readonly<Record<string, string>> = { 'in service': 'good', drained: 'good', quiesced: 'dim', overloaded: 'bad' };

const number = (title: string): TableColumn => ({ title, right: true });
const COLUMNS: readonly TableColumn[] = [
  { title: 'real server', right: false },
  { title: 'state', right: false },
  number('weight'),
  number('active'),
  number('inactive'),
  number('templates'),
  number('new/s'),
  { title: 'reports', right: false, plain: true },
  { title: 'actions', right: false, plain: true },
];

function Reals({ service, settable }: { readonly service: Service; readonly settable: boolean }) {
  const vs = service.name;
  const cells = service.reals.map((real): Cell[] => {
    const rs = real.name;
    const open = connectionsOf(NOW, { vs, rs, outcome: 'open' });
    const count = (value: number, href?: string): Cell => ({ text: countText(value), value, href: value === 0 ? undefined : href });
    return [
      { text: rs, href: connectionsOf({}, { vs, rs }) },
      { text: stateOf(real), class: STATES[stateOf(real)] ?? '' },
      count(real.weight),
      count(real.active, open),
      count(real.inactive, open),
      count(real.persistent),
      real.traffic === null ? '–' : { ...{ text: countText(real.traffic.connectionsPerS), value: real.traffic.connectionsPerS } },
      { text: '', view: <a href={`/reports/rs?${new URLSearchParams({ rs })}`}>history</a> },
      ...(settable ? [{ text: '', view: <Actions service={vs} real={real} /> }] : []),
    ];
  });
  return <Table label={`Real servers of ${vs}`} columns={settable ? COLUMNS : COLUMNS.slice(0, -1)} cells={cells} heads={true} />;
}

function Actions({ service, real }: { readonly service: string; readonly real: Real }) {
  if (real.weight > 0)
    return (
      <button
        type="button"
        class="quiet"
        onClick={() =>
          confirm({
            title: `Drain ${real.name}?`,
            text: `Its weight in ${service} goes from ${real.weight} to 0: it gets no new connection, and those it has go on.`,
            act: 'Drain',
            run: async () => {
              await change('/api/drain', { action: 'quiesce', of: real.name, service });
              return `${real.name} is quiesced in ${service}: the drain board shows what is left.`;
            },
          })
        }
      >
        Drain
      </button>
    );
  return <Restore service={service} of={real.name} />;
}

/** Ends a drain of a host or a real server. */
export function Restore({ of, service }: { readonly of: string; readonly service?: string }) {
  const where = service === undefined ? 'its virtual services' : service;
  return (
    <button
      type="button"
      class="quiet"
      onClick={() =>
        confirm({
          title: `Restore the weight of ${of}?`,
          text: `It gets new connections of ${where} again.`,
          act: 'Restore weight',
          run: async () => {
            const { steps } = await change<{ steps: readonly { service: string; real: string; after: number }[] }>('/api/drain', {
              ...{ action: 'cancel', of },
              ...(service === undefined ? {} : { service }),
            });
            return steps.map((step) => `${step.real} has weight ${step.after} in ${step.service} again.`).join(' ');
          },
        })
      }
    >
      Restore weight
    </button>
  );
}
