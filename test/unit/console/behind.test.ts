import { describe, expect, it } from 'vitest';
import { addressOf, cellLink, plotLinks } from '../../../src/console/behind.js';
import { isPage } from '../../../src/console/pages.js';
import { reports } from '../../../src/report/index.js';
import type { Report, Row } from '../../../src/report/report.js';

const TEN = Date.UTC(2026, 0, 30, 10);

function reportOf(name: string): Report {
  const found = reports.find((one) => one.name === name);
  if (found === undefined) throw new Error(`There is no report ${name}.`);
  return found;
}
const asked = (name: string, said = '') => ({ report: reportOf(name), said: new URLSearchParams(said), zone: 'UTC' });
/** What a link asks for, sorted. */
const wordsOf = (link: string | null): Record<string, string> | null =>
  link === null ? null : Object.fromEntries(new URLSearchParams(link.split('?')[1]));

describe('what is behind a number of a report', () => {
  const minute: Row = { at: TEN, step: 60, creates: 7, ends: 0, drops: 3, active: 9, changes: 'x' };

  it.each([
    ['churn', 'vs=tcp+192.0.2.1:80', minute, 'creates', { vs: 'tcp 192.0.2.1:80' }],
    ['rs', 'rs=10.0.0.1', minute, 'active', { rs: '10.0.0.1' }],
  ])('of %s are the connections of its piece of time, with the filters of the question', (name, said, row, column, words) => {
    expect(wordsOf(cellLink(row, column, asked(name, said)))).toEqual({
      ...words,
      since: '2026-01-30 10:00:00Z',
      until: '2026-01-30 10:01:00Z',
    });
  });

  it('is nothing where the number is none, or none of connections', () => {
    expect(cellLink(minute, 'ends', asked('churn'))).toBeNull();
    expect(cellLink({ value: null }, 'value', asked('top'))).toBeNull();
    expect(cellLink({ share: 0.5 }, 'share', asked('top'))).toBeNull();
  });

  it('are the connections that ended so, of that server or service, in the same time', () => {
    const row: Row = { what: '10.0.0.1:80', outcome: 'reset', ends: 3 };
    expect(wordsOf(cellLink(row, 'ends', asked('reasons', 'by=rs&since=2h&until=1h&node=lb1')))).toEqual({
      ...{ rs: '10.0.0.1:80', outcome: 'reset', since: '2h', until: '1h', node: 'lb1' },
    });
    expect(wordsOf(cellLink({ ...row, what: 'all' }, 'ends', asked('reasons')))).toEqual({ outcome: 'reset', since: '1d' });
    expect(cellLink(row, 'ends', asked('reasons', 'by=lifetime'))).toBeNull();
  });

  it('is the other report where it is of drops, or of changes', () => {
    expect(cellLink({ what: '10.0.0.1:80', of: 'drops', value: 3 }, 'value', asked('top', 'of=drops'))).toBe(
      '/reports/nodest?since=1d&rs=10.0.0.1%3A80',
    );
    expect(cellLink(minute, 'drops', asked('rs', 'rs=10.0.0.1'))).toMatch(/^\/reports\/nodest\?rs=10\.0\.0\.1&since=/);
    expect(cellLink(minute, 'changes', asked('rs', 'rs=10.0.0.1'))).toMatch(/^\/changes\?rs=10\.0\.0\.1&since=/);
  });

  it('is who or what a name says, a client without its port', () => {
    const row: Row = { client: '[2001:db8::1]:4000', real_server: '10.0.0.1:80', service: 'fwmark 7' };
    expect(wordsOf(cellLink(row, 'client', asked('who')))).toEqual({ client: '2001:db8::1', since: '1h' });
    expect(wordsOf(cellLink(row, 'service', asked('who', 'since=7d')))).toEqual({ vs: 'fwmark 7', since: '7d' });
    expect(['10.0.0.1:80', '10.0.0.1', '[::1]:80', '2001:db8::1'].map(addressOf)).toEqual(['10.0.0.1', '10.0.0.1', '::1', '2001:db8::1']);
  });

  it('of a drain is who was there while it lasted; of one that lasts, until now', () => {
    const row: Row = { began: TEN + 1, until: TEN + 60_000, held: 4, real_server: '10.0.0.1:80', service: 'tcp 192.0.2.1:80' };
    expect(wordsOf(cellLink(row, 'held', asked('drain')))).toMatchObject({
      ...{ rs: '10.0.0.1:80', since: '2026-01-30 10:00:00Z', until: '2026-01-30 10:01:01Z' },
    });
    expect(wordsOf(cellLink({ ...row, until: null }, 'held', asked('drain', 'until=1h')))).not.toHaveProperty('until');
  });

  it('is a page that there is, for every report and column', () => {
    for (const report of reports)
      for (const { name } of report.columns) {
        const row: Row = { [name]: 'x', at: TEN, step: 60, began: TEN, begin: TEN, what: 'x', outcome: 'closed', of: 'bytes' };
        const link = cellLink(row, name, { report, said: new URLSearchParams(), zone: 'UTC' });
        if (link !== null) expect([report.name, name, isPage(link.split('?')[0] ?? '')]).toEqual([report.name, name, true]);
      }
  });
});

describe('what is behind a picture', () => {
  it('is of each part of a bar', () => {
    const rows: Row[] = [
      { what: 'a', outcome: 'closed', ends: 1 },
      { what: 'a', outcome: 'never_established', ends: 2 },
      { what: 'b', outcome: 'closed', ends: 1 },
    ];
    const question = asked('reasons', 'by=rs&since=1h');
    const plot = question.report.plot?.(rows, { by: 'rs' }) ?? null;
    expect(plotLinks(plot, rows, question).map((links) => links.map(wordsOf))).toEqual([
      [
        { rs: 'a', outcome: 'closed', since: '1h' },
        { rs: 'a', outcome: 'never_established', since: '1h' },
      ],
      [{ rs: 'b', outcome: 'closed', since: '1h' }],
    ]);
  });

  it('of a drain goes with its row, also where others are not pictured', () => {
    const row = (real_server: string, seconds: number | null): Row => ({
      ...{ real_server, seconds, service: '', began: TEN, until: null, held: 1 },
    });
    const rows = [row('a', null), row('b', 3)];
    const question = asked('drain');
    expect(plotLinks(question.report.plot?.(rows, {}) ?? null, rows, question).map(([link]) => wordsOf(link ?? null)?.rs)).toEqual(['b']);
  });

  it('of a span is its client', () => {
    const rows: Row[] = [{ client: '10.0.0.9:4000', begin: TEN, finish: null, outcome: 'open', state: '' }];
    const question = asked('who');
    expect(plotLinks(question.report.plot?.(rows, {}) ?? null, rows, question)).toEqual([['/connections?since=1h&client=10.0.0.9']]);
  });
});
