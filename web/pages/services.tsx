import { countText } from '../../src/text/format.ts';
import type { Real, Service } from '../api.ts';
import { activeLines, useBalancer, useMarks } from '../balancer.ts';
import { Chart } from '../chart.tsx';
import { confirm } from '../confirm.tsx';
import { Problem } from '../parts.tsx';
import { change, useSession } from '../session.ts';
import { Scroll } from '../table.tsx';

/** The virtual services and their real servers, as they are and as they were in the last minutes. */
export function Services() {
  const { looks, problem } = useBalancer();
  const marks = useMarks('1h');
  const session = useSession();
  const services = looks.at(-1)?.services;
  const times = looks.map(({ at }) => at / 1000);
  return (
    <>
      <h1>Services</h1>
      {problem !== undefined && <Problem text={problem} />}
      {session?.settable === false && (
        <p class="dim">This console only shows. To drain from here, start the collector with --console-token-file.</p>
      )}
      {services === undefined && problem === undefined && <p class="dim">Asking…</p>}
      {services?.length === 0 && <p class="dim">The balancer has no virtual service.</p>}
      {services?.map((service) => (
        <section key={service.name} aria-label={service.name}>
          <h2>
            {service.name} <span class="dim">{service.settings.service_scheduler}</span>
          </h2>
          <Reals service={service} settable={session?.settable === true} />
          <Chart title="Active connections" times={times} lines={activeLines(looks, service.name)} marks={marks} />
        </section>
      ))}
    </>
  );
}

function stateOf({ weight, overloaded, active, inactive }: Real): string {
  if (weight === 0) return active + inactive === 0 ? 'drained' : 'quiesced';
  return overloaded ? 'overloaded' : 'in service';
}

function Reals({ service, settable }: { readonly service: Service; readonly settable: boolean }) {
  return (
    <Scroll label={`Real servers of ${service.name}`}>
      <table>
        <thead>
          <tr>
            {['real server', 'state'].map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
            {['weight', 'active', 'inactive', 'templates', 'new/s'].map((title) => (
              <th key={title} scope="col" class="right">
                {title}
              </th>
            ))}
            <th scope="col">ask</th>
            {settable && <th scope="col">do</th>}
          </tr>
        </thead>
        <tbody>
          {service.reals.map((real) => (
            <tr key={real.name}>
              <th scope="row">{real.name}</th>
              <td class={stateOf(real) === 'in service' ? 'good' : 'bad'}>{stateOf(real)}</td>
              <td class="right">{real.weight}</td>
              <td class="right">{countText(real.active)}</td>
              <td class="right">{countText(real.inactive)}</td>
              <td class="right">{countText(real.persistent)}</td>
              <td class="right">{real.traffic === null ? '–' : countText(real.traffic.connectionsPerS)}</td>
              <td>
                <a href={`/connections?${new URLSearchParams({ rs: real.name, since: '1h' })}`}>who</a>{' '}
                <a href={`/reports/rs?${new URLSearchParams({ rs: real.name, since: '1d' })}`}>story</a>
              </td>
              {settable && (
                <td>
                  <Actions service={service.name} real={real} />
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
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
