import type { Forecast } from '../../drain/forecast.js';
import { byAge, byClient, liveOf, type Rest, stragglers } from '../../drain/rest.js';
import { formatAddress, formatEndpoint } from '../address.js';
import { protocolName } from '../event.js';
import { elapsed, plural, whole } from '../numbers.js';
import { colour } from '../output.js';
import { stateName } from '../states.js';

const BAR = 40;
const CLIENTS = 8;
const STRAGGLERS = 5;

/** What a person watches while a real server drains. */
export function drainText(rest: Rest, most: number, prediction: Forecast | undefined): string {
  const live = liveOf(rest);
  const lines = [`${bar(most === 0 ? 1 : 1 - live / most)}  ${restText(rest)}`];
  if (prediction !== undefined && live > 0) lines.push(predictionText(prediction));
  if (rest.connections !== undefined && live > 0) lines.push(...details(rest));
  lines.push(...affinity(rest));
  return `${lines.join('\n')}\n`;
}

/** `12 connections left (10 active, 2 inactive)`. */
export function restText({ active, inactive }: Rest): string {
  return `${plural(active + inactive, 'connection')} left (${whole(active)} active, ${whole(inactive)} inactive)`;
}

export function predictionText({ half, most, all, unknown, live }: Forecast): string {
  const parts = (
    [
      ['50 %', half],
      ['95 %', most],
      ['100 %', all],
    ] as const
  ).flatMap(([share, seconds]) => (seconds === undefined ? [] : [`${share} in ${elapsed(seconds * 1e9)}`]));
  const text = parts.length === 0 ? '' : `expected to be gone: ${parts.join(', ')}`;
  const thin =
    unknown === 0
      ? ''
      : `the history is too thin for ${unknown === live ? 'a prediction' : `${whole(unknown)} of them, which live longer than those that it knows`}`;
  return [text, thin].filter((part) => part !== '').join('; ');
}

/** Who would be cut. */
export function cutText(rest: Rest): string {
  if (rest.connections === undefined) return '';
  const clients = byClient(
    rest.connections.filter(({ template }) => !template),
    ({ client }) => formatAddress(client),
  );
  return clients.map(([client, count]) => `  ${client}: ${plural(count, 'connection')}\n`).join('');
}

function bar(share: number): string {
  const full = Math.max(0, Math.min(BAR, Math.round(share * BAR)));
  return `${colour.green('█'.repeat(full))}${colour.dim('░'.repeat(BAR - full))} ${Math.max(0, Math.round(share * 100))} %`;
}

function details(rest: Rest): string[] {
  const connections = (rest.connections ?? []).filter(({ template }) => !template);
  const ages = byAge(connections).map(
    ({ below, count }) => `${Number.isFinite(below) ? `below ${elapsed(below * 1e9)}` : 'older'}: ${whole(count)}`,
  );
  const clients = byClient(connections, ({ client }) => formatAddress(client));
  const more = clients.length > CLIENTS ? `, and ${plural(clients.length - CLIENTS, 'more client')}` : '';
  const old = stragglers(connections, STRAGGLERS).map(
    ({ client, port, protocol, state, age = 0 }) =>
      `  ${protocolName(protocol)} ${formatEndpoint(client, port)}, ${stateName(protocol, state, false)}, ${elapsed(age * 1e9)} old`,
  );
  return [
    ...(ages.length === 0 ? [] : [`by age: ${ages.join(', ')}`]),
    ...(clients.length === 0
      ? []
      : [
          `by client: ${clients
            .slice(0, CLIENTS)
            .map(([client, count]) => `${client} ${whole(count)}`)
            .join(', ')}${more}`,
        ]),
    ...(old.length === 0 ? [] : ['oldest:', ...old]),
  ];
}

function affinity(rest: Rest): string[] {
  if (rest.templates === 0) return [];
  const clients = byClient(
    (rest.connections ?? []).filter(({ template }) => template),
    ({ client }) => formatAddress(client),
  ).map(([client]) => client);
  const who = clients.length === 0 ? plural(rest.templates, 'client') : clients.slice(0, CLIENTS).join(', ');
  return [
    colour.yellow(
      `persistence still sends ${who}${clients.length > CLIENTS ? ` and ${clients.length - CLIENTS} more` : ''} here; \`vslog knob expire-quiescent-template 1\` ends that`,
    ),
  ];
}
