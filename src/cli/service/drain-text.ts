import { CERTAIN, type Forecast } from '../../drain/forecast.js';
import { byAge, byClient, establishedOf, type Rest, stragglers } from '../../drain/rest.js';
import { elapsedText, plural, wholeText } from '../../text/format.js';
import { formatAddress, formatEndpoint } from '../address.js';
import { protocolName } from '../event.js';
import { colour } from '../output.js';
import { stateName } from '../states.js';

const BAR = 40;
/** Clients in one line. */
const CLIENTS = 8;
const STRAGGLERS = 5;
/** Lines of a list; the rest is a number. */
const LINES = 10;

/** What a person watches while something drains. `most`: the most established connections that were seen. */
export function drainText(rest: Rest, most: number, prediction: Forecast | undefined): string {
  const lines = [`${bar(most === 0 ? 1 : 1 - rest.established / most)}  ${restText(rest)}`];
  if (prediction !== undefined) lines.push(predictionText(prediction));
  if (rest.established > 0) lines.push(...details(rest));
  lines.push(...affinity(rest));
  return `${lines.join('\n')}\n`;
}

/** `5 established connections left, 150 others are closing or half open`. */
export function restText({ established, others }: Rest): string {
  const rest = others === 0 ? '' : `, ${plural(others, 'other')} ${others === 1 ? 'is' : 'are'} closing or half open`;
  return `${established === 0 ? 'no' : wholeText(established)} established connection${established === 1 ? '' : 's'} left${rest}`;
}

/** `expected: half gone in 48 s, 95 % in 2 min, all in 4 min (with a probability of 95 %)`. */
export function predictionText({ half, most, all, unknown, live }: Forecast): string {
  const time = (seconds: number): string => elapsedText(seconds * 1e9);
  const parts = [
    ...(half === undefined ? [] : [`half gone in ${time(half)}`]),
    ...(most === undefined ? [] : [`95 % in ${time(most)}`]),
    ...(all === undefined ? [] : [`all in ${time(all)} (with a probability of ${CERTAIN * 100} %)`]),
  ];
  if (unknown === live) return 'no forecast: too little history of connections as old as these';
  const thin = unknown === 0 ? '' : `too little history for ${wholeText(unknown)} of them, which are older than those that ended`;
  return [parts.length === 0 ? '' : `expected: ${parts.join(', ')}`, thin].filter((part) => part !== '').join('; ');
}

/** Who would be cut: the clients with most connections, a line each. */
export function cutText(rest: Rest): string {
  if (rest.connections === undefined) return '';
  const clients = byClient(establishedOf(rest), ({ client }) => formatAddress(client));
  const more = clients.length > LINES ? `  and ${plural(clients.length - LINES, 'more client')}\n` : '';
  return `${clients
    .slice(0, LINES)
    .map(([client, count]) => `  ${client}: ${plural(count, 'connection')}\n`)
    .join('')}${more}`;
}

function bar(share: number): string {
  const full = Math.max(0, Math.min(BAR, Math.round(share * BAR)));
  return `${colour.green('█'.repeat(full))}${colour.dim('░'.repeat(BAR - full))} ${Math.max(0, Math.round(share * 100))} %`;
}

function details(rest: Rest): string[] {
  const connections = establishedOf(rest);
  const ages = byAge(connections).map(
    ({ below, count }) => `${Number.isFinite(below) ? `below ${elapsedText(below * 1e9)}` : 'older'}: ${wholeText(count)}`,
  );
  const clients = byClient(connections, ({ client }) => formatAddress(client));
  const more = clients.length > CLIENTS ? `, and ${plural(clients.length - CLIENTS, 'more client')}` : '';
  const old = stragglers(connections, STRAGGLERS).map(
    ({ client, port, protocol, state, age = 0 }) =>
      `  ${protocolName(protocol)} ${formatEndpoint(client, port)}, ${stateName(protocol, state, false)}, ${elapsedText(age * 1e9)} old`,
  );
  return [
    ...(ages.length === 0 ? [] : [`by age: ${ages.join(', ')}`]),
    ...(clients.length === 0
      ? []
      : [
          `by client: ${clients
            .slice(0, CLIENTS)
            .map(([client, count]) => `${client} ${wholeText(count)}`)
            .join(', ')}${more}`,
        ]),
    ...(old.length === 0 ? [] : ['oldest:', ...old]),
  ];
}

function affinity(rest: Rest): string[] {
  if (rest.templates === 0) return [];
  const clients = byClient(
    (rest.connections ?? []).filter(({ kind }) => kind === 'template'),
    ({ client }) => formatAddress(client),
  ).map(([client]) => client);
  const who = clients.length === 0 ? plural(rest.templates, 'client') : clients.slice(0, CLIENTS).join(', ');
  return [
    colour.yellow(
      `persistence still sends ${who}${clients.length > CLIENTS ? ` and ${clients.length - CLIENTS} more` : ''} here; \`vslog knob expire-quiescent-template 1\` ends that`,
    ),
  ];
}
