import { OUTCOMES, outcomeText } from '../outcome/outcome.js';
import type { Plot } from '../plot/plot.js';
import type { Report, Row } from '../report/report.js';
import { momentText } from '../text/moment.js';

/** Where a number of a report leads, as an address of the page; null: nowhere, nothing is behind it. */
export type Link = string | null;

/** What narrows the question behind a number. */
type Words = Readonly<Record<string, string>>;

/** What a report was asked with: its filters and its time as they were written. */
export interface Asked {
  readonly report: Report;
  readonly said: URLSearchParams;
  readonly zone: string;
}

/** Filters that the report "who", and so the page of connections, takes. */
const FILTERS = ['vs', 'rs', 'client', 'node'] as const;

/** The connections behind it, or another page's answer. */
interface Target {
  readonly path: string;
  readonly words: Words;
}

/** The page of connections with these filters over those that the report was asked with. */
const connections = (words: Words): Target => ({ path: '/connections', words });
const drops = (words: Words): Target => ({ path: '/reports/nodest', words });

/** Of an endpoint, only its address: what a client is, whatever port it had. */
export function addressOf(endpoint: string): string {
  const [, six, four] = /^(?:\[([^\]]+)\]|([^:]+))(?::\d+)?$/.exec(endpoint) ?? [];
  return six ?? four ?? endpoint;
}

const text = (row: Row, name: string): string => (row[name] === null || row[name] === undefined ? '' : String(row[name]));
const server = (row: Row): Words => ({ rs: text(row, 'real_server'), vs: text(row, 'service') });

/** The piece of time that a row is of. */
function pieceOf(row: Row, zone: string): Words {
  const [at, step] = [Number(row.at), Number(row.step) * 1000];
  return { since: momentText(at, zone), until: momentText(at + step, zone) };
}

/** The time from one column to another; without an end, until now. */
function between(row: Row, from: string, to: string, zone: string): Words {
  const end = row[to];
  return {
    since: momentText(Math.floor(Number(row[from]) / 1000) * 1000, zone),
    ...(end === null || end === undefined ? { until: 'now' } : { until: momentText(Math.ceil((Number(end) + 1) / 1000) * 1000, zone) }),
  };
}

/** The rows of a report by what they are grouped by. */
const group = (row: Row, by: string): Words => (by === 'all' ? {} : { [by]: text(row, 'what') });

type Rule = (row: Row, asked: Asked) => Target | undefined;

const ofPiece: Rule = (row, { zone }) => connections(pieceOf(row, zone));
const ofServer: Rule = (row) => connections({ ...server(row), ...(text(row, 'client') === '' ? {} : { client: text(row, 'client') }) });

/** Whether the rows of `reasons` and `top` are of servers, services or clients. */
const byOf = ({ report, said }: Asked): string => said.get('by') || (report.parameters.find(({ flag }) => flag === 'by')?.fallback ?? '');

const ofTop: Rule = (row, asked) => (row.of === 'drops' ? drops : connections)(group(row, byOf(asked)));

/** By report, and by the column that is shown: what is behind its cells. A column that is not here leads where its name does (NAMED), or nowhere. */
const COLUMNS: Readonly<Record<string, Readonly<Record<string, Rule>>>> = {
  rs: {
    ...{ creates: ofPiece, quiesced: ofPiece, ends: ofPiece, cut: ofPiece, active: ofPiece },
    drops: (row, { zone }) => drops(pieceOf(row, zone)),
    changes: (row, { zone }) => ({ path: '/changes', words: pieceOf(row, zone) }),
  },
  churn: { creates: ofPiece, ends: ofPiece, creates_per_minute: ofPiece, ends_per_minute: ofPiece },
  reasons: {
    ends: (row, asked) => {
      const by = byOf(asked);
      return by === 'lifetime' ? undefined : connections({ outcome: text(row, 'outcome'), ...group(row, by) });
    },
    what: (row, asked) => (['vs', 'rs'].includes(byOf(asked)) ? connections(group(row, byOf(asked))) : undefined),
  },
  top: { what: ofTop, value: ofTop },
  nodest: { packets: ofServer, connections: ofServer, clients: ofServer },
  affinity: { connections: ofServer },
  reuse: { reused: ofServer, ended_by_it: ofServer, elsewhere: ofServer, at_once: ofServer, clients: ofServer },
  drain: {
    held: (row, { zone }) => connections({ ...server(row), ...between(row, 'began', 'until', zone) }),
    left: (row, { zone }) => connections({ ...server(row), ...between(row, 'began', 'until', zone) }),
    cut: (row, { zone }) => connections({ ...server(row), ...between(row, 'began', 'until', zone) }),
  },
  thresholds: {
    begin: (row, { zone }) => connections({ ...server(row), ...between(row, 'begin', 'finish', zone) }),
    upper: (row, { zone }) => connections({ ...server(row), ...between(row, 'begin', 'finish', zone) }),
  },
};

/** Columns that name somebody lead to the connections of that one in every report. */
const NAMED: Readonly<Record<string, (row: Row) => Words>> = {
  client: (row) => ({ client: addressOf(text(row, 'client')) }),
  real_server: (row) => ({ rs: text(row, 'real_server') }),
  service: (row) => ({ vs: text(row, 'service') }),
};

/** The column whose cell says best what the whole row is: its bar leads there. */
const MAIN: Readonly<Record<string, string>> = {
  top: 'value',
  nodest: 'packets',
  affinity: 'connections',
  reuse: 'reused',
  drain: 'held',
  thresholds: 'begin',
};

function addressFor({ path, words }: Target, { report, said }: Asked): string {
  const query = new URLSearchParams();
  for (const name of FILTERS) {
    const given = said.get(name);
    if (given !== null && given !== '' && report.parameters.some(({ flag }) => flag === name)) query.set(name, given);
  }
  for (const name of ['since', 'until']) {
    const given = said.get(name) || report.parameters.find(({ flag }) => flag === name)?.fallback;
    if (given !== undefined) query.set(name, given);
  }
  for (const [name, value] of Object.entries(words)) if (value !== '') query.set(name, value);
  // Until now is what every page means without it.
  if (query.get('until') === 'now') query.delete('until');
  return `${path}?${query}`;
}

/** Where the cell of a row leads that shows this column. Of nothing, nothing is behind it. */
export function cellLink(row: Row, column: string, asked: Asked): Link {
  const value = row[column];
  if (value === null || value === undefined || value === '' || value === 0 || value === '0') return null;
  const rule = COLUMNS[asked.report.name]?.[column];
  const named = NAMED[column];
  const target = rule?.(row, asked) ?? (rule === undefined && named !== undefined ? connections(named(row)) : undefined);
  return target === undefined ? null : addressFor(target, asked);
}

/** Where each part of each bar leads, or each span: in the order of the picture. Empty where the picture has neither. */
export function plotLinks(plot: Plot | null, rows: readonly Row[], asked: Asked): readonly (readonly Link[])[] {
  const main = MAIN[asked.report.name];
  const rowLink = (row: Row | undefined): Link => (row === undefined || main === undefined ? null : cellLink(row, main, asked));
  switch (plot?.kind) {
    case 'bars':
      if (asked.report.name === 'reasons') {
        const by = byOf(asked);
        return plot.bars.map(({ label, parts }) =>
          parts.map(({ name }) => {
            const outcome = OUTCOMES.find((one) => outcomeText(one.name) === name)?.name;
            return outcome === undefined || by === 'lifetime'
              ? null
              : addressFor(connections({ outcome, ...(by === 'all' ? {} : { [by]: label }) }), asked);
          }),
        );
      }
      // A bar is of a row, in its order; those of drains are of the rows that are over.
      return picturedRows(asked.report.name, rows)
        .slice(0, plot.bars.length)
        .map((row, i) => (plot.bars[i]?.parts ?? []).map(() => rowLink(row)));
    case 'spans':
      return rows.slice(0, plot.spans.length).map((row) => [asked.report.name === 'who' ? cellLink(row, 'client', asked) : rowLink(row)]);
    default:
      return [];
  }
}

function picturedRows(report: string, rows: readonly Row[]): readonly Row[] {
  return report === 'drain' ? rows.filter(({ seconds }) => seconds !== null) : rows;
}
