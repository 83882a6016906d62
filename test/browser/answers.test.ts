import { readFileSync } from 'node:fs';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collectorOf, rowsOf } from '../e2e/collector-api.js';
import { type Up, Vslog } from '../e2e/support/vslog.js';
import { until } from '../support/patience.js';
import { freePort } from '../support/ports.js';
import { type Manner, openBrowser, Visitor } from './browser.js';

/** So many connections are made and recorded before any page is looked at. */
const MADE = 400;

describe('answers on the pages', () => {
  const vslog = new Vslog();
  const api = collectorOf(vslog);
  let browser: Browser;
  let up: Up;
  let base = '';
  /** Since then there is something in the log, as an address has it. */
  let since = '';

  beforeAll(async () => {
    browser = await openBrowser();
    const port = await freePort();
    base = `http://127.0.0.1:${port}`;
    since = new Date(Math.floor(Date.now() / 1000) * 1000).toISOString();
    const load = ['--load', '--load-connections', String(MADE), '--load-rate', '0', '--load-concurrent', '200'];
    up = vslog.up('--source', 'engine', ...load, '--console-listen', `127.0.0.1:${port}`);
    await up.says(/ready: source/);
    const sql = 'SELECT count() AS n FROM connections WHERE NOT is_template';
    await until('all of them in the store', async () => Number((await rowsOf<{ n: string }>(api, sql))[0]?.n) >= MADE);
  });
  afterAll(async () => {
    await browser?.close();
    await up?.end();
    vslog.clean();
  });

  const come = async (how: Manner = {}) => Visitor.come(browser, base, { ...how, link: (await api.consoleLink()).url });
  const rowsOfTable = (page: Page, label: string): Locator => page.getByRole('region', { name: label }).locator('tbody tr');
  /** The texts of a column, from above. */
  const column = async (page: Page, label: string, i: number): Promise<string[]> =>
    (await rowsOfTable(page, label).locator(`:nth-child(${i})`).allInnerTexts()).map((text) => text.trim());

  it('begin charts with what was before the page was opened', async () => {
    const visitor = await come();
    const { page } = visitor;
    await visitor.go('/overview');
    // Nothing is made any more: what is drawn is history.
    const rates = page.getByRole('img', { name: /^New and ended connections per minute/ });
    await until('history', async () => / new: 0 to [1-9]/.test((await rates.getAttribute('aria-label')) ?? ''));
    const open = page.locator('figure', { has: page.getByRole('img', { name: /^Open connections,/ }) });
    const label = await open.getByRole('img').getAttribute('aria-label');
    const [from, to] = [...(label ?? '').matchAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g)].map(([text]) =>
      Date.parse(`${text.replace(' ', 'T')}Z`),
    );
    // An hour, up to now.
    expect((to ?? 0) - (from ?? 0)).toBeGreaterThan(55 * 60_000);
    expect(await visitor.faults()).toEqual([]);
    visitor.expectNoProblem();
    await visitor.context.close();
  });

  it('are of a time that is kept from page to page, in the address', async () => {
    const visitor = await come();
    const { page } = visitor;
    await visitor.go('/overview');
    await page.getByRole('navigation', { name: 'Time up to now' }).getByRole('link', { name: '6h' }).click();
    await page.waitForURL(/\/overview\?since=6h$/);
    for (const name of ['Connections', 'Reports', 'Changes', 'Services']) {
      await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name, exact: true }).click();
      await page.waitForURL(/[?&]since=6h/);
      expect(await page.getByLabel('since', { exact: true }).inputValue()).toBe('6h');
    }
    // Free text, as the command line takes it.
    const field = page.getByLabel('since', { exact: true });
    await field.fill('2h30m');
    await field.press('Enter');
    await page.waitForURL(/[?&]since=2h30m/);
    await page.getByRole('link', { name: 'Earlier' }).click();
    await page.waitForURL(/[?&]until=20\d\d-/);
    await page.getByRole('link', { name: 'Later' }).waitFor();
    expect(await visitor.faults()).toEqual([]);
    await page.getByLabel('until', { exact: true }).fill('whenever');
    await page.getByLabel('until', { exact: true }).press('Enter');
    await page.locator('.problem').getByText('until is "whenever": it must be a time such as').first().waitFor();
    visitor.expectNoProblem(/status of 400/);
    await visitor.context.close();
  });

  it('lead from a number to the connections behind it', async () => {
    const visitor = await come();
    const { page } = visitor;
    await visitor.go(`/reports/reasons?by=rs&since=${encodeURIComponent(since)}`);
    const row = rowsOfTable(page, 'reasons').filter({ hasText: 'closed' }).first();
    const [server = '', ends = ''] = await Promise.all([0, 2].map(async (i) => (await row.locator('td').nth(i).textContent()) ?? ''));
    // By keys.
    await row.getByRole('link', { name: ends, exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Connections' }).waitFor();
    const query = new URL(page.url()).searchParams;
    expect([query.get('rs'), query.get('outcome'), query.get('since')]).toEqual([server, 'closed', since]);
    await page.getByRole('region', { name: 'who' }).waitFor();
    await visitor.settled();
    const rows = Number(ends.replaceAll(',', ''));
    await page.getByText(rows > 50 ? `1 to 50 of ${ends}` : `${ends} ${rows === 1 ? 'row' : 'rows'}`, { exact: true }).waitFor();
    expect(new Set(await column(page, 'who', 3))).toEqual(new Set([server]));
    expect(await page.locator('select[name=outcome]').inputValue()).toBe('closed');

    // A bar, and a piece of a chart by the arrow keys.
    await page.goBack();
    await page.locator('a.part').first().click();
    await page.waitForURL(/\/connections\?.*outcome=/);
    await visitor.go(`/overview?since=${encodeURIComponent(since)}`);
    const piece = page.locator('figure', { hasText: 'New and ended connections per minute' }).getByRole('link', { name: /^Connections / });
    await piece.focus();
    await page.keyboard.press('ArrowRight');
    const label = await until('the first piece', async () => {
      const text = (await piece.textContent()) ?? '';
      return /^Connections \d\d:\d\d:\d\d to \d\d:\d\d:\d\d$/.test(text) && text;
    });
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/connections\?since=20\d\d-.*until=20\d\d-/);
    expect(new URL(page.url()).searchParams.get('since')).toContain(label.slice('Connections '.length, 'Connections '.length + 8));
    visitor.expectNoProblem();
    await visitor.context.close();
  });

  it('lead nowhere where nothing is behind a number, and from a mark to the changes then', async () => {
    const visitor = await come();
    const { page } = visitor;
    await visitor.go('/services');
    const server = rowsOfTable(page, 'Real servers of tcp 192.0.2.1:80').first();
    await server.waitFor();
    for (const cell of await server.locator('td').filter({ hasText: /^0$/ }).all()) expect(await cell.getByRole('link').count()).toBe(0);
    // The load's services were added in this time.
    await page
      .getByRole('link', { name: /^\d+ changes?$/ })
      .first()
      .click();
    await page.waitForURL(/\/changes\?since=20\d\d-.*until=20\d\d-/);
    await rowsOfTable(page, 'changes').first().waitFor();
    visitor.expectNoProblem();
    await visitor.context.close();
  });

  it('are sorted by value, by number and by address, and come in pages', async () => {
    const visitor = await come();
    const { page } = visitor;
    await visitor.go(`/connections?since=${encodeURIComponent(since)}&limit=1000`);
    const table = page.getByRole('region', { name: 'who' });
    await table.waitFor();
    await page.getByText(`1 to 50 of ${MADE}`).waitFor();
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByText(`51 to 100 of ${MADE}`).waitFor();
    await table.getByRole('button', { name: 'bytes' }).click();
    await page.getByText(`1 to 50 of ${MADE}`).waitFor();
    await table.getByRole('columnheader', { name: 'bytes' }).and(page.locator('[aria-sort="descending"]')).waitFor();
    const address = (text: string): number => text.split(/[.:]/).reduce((sum, part) => sum * 256 + Number(part), 0);
    await table.getByRole('button', { name: 'real server' }).click();
    await table.locator('th[aria-sort="ascending"]').waitFor();
    const servers = (await column(page, 'who', 3)).map(address);
    expect(servers).toEqual([...servers].sort((a, b) => a - b));
    // It is sorted so also when one comes back.
    await page.getByRole('link', { name: 'Knobs' }).click();
    await page.getByRole('heading', { level: 1, name: 'Knobs' }).waitFor();
    await page.goBack();
    await table.locator('th[aria-sort="ascending"]').waitFor();
    expect(await visitor.faults()).toEqual([]);
    visitor.expectNoProblem();
    await visitor.context.close();
  });

  it('can be saved as CSV, all rows of them, without a formula', async () => {
    const visitor = await come();
    const { page } = visitor;
    await visitor.go('/sql');
    await page
      .getByRole('textbox', { name: 'SQL' })
      .fill("SELECT number AS n, toUInt64(18446744073709551615) AS big, '=1+1' AS text FROM numbers(60)");
    await page.getByRole('button', { name: 'Run' }).click();
    await page.getByText('1 to 50 of 60').waitFor();
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download CSV' }).click()]);
    expect(download.suggestedFilename()).toBe('answer.csv');
    const lines = readFileSync(await download.path(), 'utf8').split('\r\n');
    expect([lines.length, lines[0], lines[60]]).toEqual([62, 'n,big,text', "59,18446744073709551615,'=1+1"]);
    await visitor.go(`/reports/who?since=${encodeURIComponent(since)}&limit=1000`);
    const [report] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download CSV' }).click()]);
    expect(
      readFileSync(await report.path(), 'utf8')
        .trim()
        .split('\r\n'),
    ).toHaveLength(MADE + 1);
    visitor.expectNoProblem();
    await visitor.context.close();
  });

  it('of SQL are cut at their limit, with a word', async () => {
    const visitor = await come();
    const { page } = visitor;
    await visitor.go('/sql');
    await page.getByRole('textbox', { name: 'SQL' }).fill('SELECT number FROM numbers(20000) ORDER BY number DESC');
    await page.getByRole('button', { name: 'Run' }).click();
    await page.getByText('Only the first 10,000 rows are shown. Ask with LIMIT, or use vslog sql for all.').waitFor();
    await page.getByText('1 to 50 of 10,000').waitFor();
    expect((await column(page, 'Answer', 1))[0]).toBe('19999');
    expect(await visitor.faults()).toEqual([]);
    visitor.expectNoProblem();
    await visitor.context.close();
  });
});
