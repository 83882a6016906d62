import { chmodSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts, listen, type Up, until, Vslog } from '../e2e/support/vslog.js';
import { openBrowser, Visitor } from './browser.js';

const TOKEN = '0123456789abcdef-alice';
const REPORTS = ['who', 'rs', 'drain', 'nodest', 'affinity', 'reasons', 'churn', 'top', 'thresholds', 'changes', 'reuse', 'loss', 'window'];
const PAGES: readonly (readonly [path: string, title: string])[] = [
  ['/overview', 'Overview'],
  ['/services', 'Services'],
  ['/drains', 'Drain board'],
  ['/connections', 'Connections'],
  ...REPORTS.map((name) => [`/reports/${name}`, 'Reports'] as const),
  ['/changes', 'Changes'],
  ['/knobs', 'Knobs'],
  ['/sql', 'SQL'],
  ['/health', 'Completeness'],
];
/** Keeps whatever is written on a canvas. */
const KEEP_TEXT = `window.drawn = [];
const write = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
  window.drawn.push(text);
  return write.call(this, text, ...rest);
};`;

describe('the console in a browser', () => {
  const vslog = new Vslog();
  const reals: Server[] = [];
  const sockets = new Set<Socket>();
  let browser: Browser;
  let up: Up;
  let base = '';
  let service = 0;
  let first = '';
  let second = '';

  beforeAll(async () => {
    browser = await openBrowser();
    for (let i = 0; i < 2; i++) reals.push(createServer((socket) => socket.on('error', () => undefined).resume()));
    const [a, b] = await Promise.all(reals.map(listen));
    [first, second] = [`127.0.0.1:${a}`, `127.0.0.1:${b}`];
    const [port = 0, page = 0] = await freePorts(2);
    service = port;
    base = `http://127.0.0.1:${page}`;
    const tokens = join(vslog.dir, 'tokens');
    writeFileSync(tokens, `alice ${TOKEN}\n`);
    chmodSync(tokens, 0o644);
    const knobs = ['timeout_timewait', 'timeout_close', 'timeout_tcpfin'].flatMap((knob) => ['--knob', `${knob}=1`]);
    up = vslog.up(
      ...['--source', 'engine', '--service', `tcp://127.0.0.1:${port}`, '--real', `${first},weight=3`, '--real', `${second},weight=1`],
      ...[...knobs, '--console-listen', `127.0.0.1:${page}`, '--console-token-file', tokens],
    );
    await up.says(/ready: source/);
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await browser?.close();
    vslog.clean();
    for (const server of reals) server.close();
  });

  /** A connection through the balancer; resolves to the client's port. */
  async function connection(): Promise<{ readonly socket: Socket; readonly port: number }> {
    const socket = connect(service, '127.0.0.1');
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    socket.write('x');
    return { socket, port: (socket.address() as { port: number }).port };
  }

  it.each([
    ['light', {}],
    ['dark', { dark: true }],
    ['on a phone', { width: 360 }],
  ])('has pages that load and that everybody can use: %s', async (_name, how) => {
    const visitor = await Visitor.come(browser, base, how);
    for (const [path, title] of PAGES) {
      await visitor.go(path);
      await visitor.page.getByRole('heading', { level: 1, name: title }).waitFor();
      await visitor.settled();
      expect(await visitor.page.title()).toBe(`${title} · vslog`);
      expect(await visitor.faults()).toEqual([]);
      expect([path, await visitor.overflow()]).toEqual([path, 0]);
    }
    visitor.expectNoProblem();
    await visitor.context.close();
  });

  it('has every report, and what each asks for', async () => {
    const visitor = await Visitor.come(browser, base);
    for (const name of REPORTS) {
      await visitor.go(`/reports/${name}${name === 'rs' ? `?rs=${first}` : ''}`);
      await visitor.page.getByRole('button', { name: 'Ask' }).waitFor();
      await visitor.settled();
      expect([name, await visitor.page.locator('.problem').allInnerTexts()]).toEqual([name, []]);
      expect(await visitor.faults()).toEqual([]);
    }
    await visitor.go('/reports/who?client=nonsense');
    await visitor.page.locator('.problem').getByText('it must be an address or a network').waitFor();
    // The browser itself tells of an answer that is no success.
    visitor.expectNoProblem(/status of 400/);
    await visitor.context.close();
  });

  it('moves while it is looked at', async () => {
    const visitor = await Visitor.come(browser, base);
    await visitor.go('/overview');
    const chart = visitor.page.locator('figure', { hasText: 'Events a second' });
    const last = async (): Promise<number> => Number(await chart.getAttribute('data-last'));
    await until('a first sample', async () => ((await last()) > 0 ? true : undefined));
    const before = await last();
    await until('a later one', async () => ((await last()) > before ? true : undefined));
    const { socket } = await connection();
    await visitor.page.locator('.tile', { hasText: 'Open connections' }).locator('.value').getByText('1', { exact: true }).waitFor();
    await visitor.page.getByRole('img', { name: /^Open connections, .* UTC\. open: 0 to 1, last 1\.$/ }).waitFor();
    socket.end();
    visitor.expectNoProblem();
    await visitor.context.close();
  });

  it('says times in UTC, wherever the browser is', async () => {
    const visitor = await Visitor.come(browser, base, { timezone: 'Pacific/Kiritimati' });
    const { page } = visitor;
    await page.addInitScript(KEEP_TEXT);
    await visitor.go('/overview');
    const chart = page.locator('figure', { hasText: 'Events a second' });
    await chart.locator('figcaption').getByText('UTC').waitFor();
    // With seconds are the labels of the last minutes; fourteen hours away these have other names.
    const minutes = Array.from({ length: 10 }, (_, ago) => new Date(Date.now() - ago * 60_000).toISOString());
    const drawn = await until('labels of time', async () => {
      const texts = (await page.evaluate('window.drawn')) as string[];
      return texts.some((text) => /^\d\d:\d\d:\d\d$/.test(text)) ? texts : undefined;
    });
    const clocks = drawn.filter((text) => /^\d\d:\d\d:\d\d$/.test(text));
    expect(clocks.filter((text) => !minutes.some((iso) => iso.slice(11, 16) === text.slice(0, 5)))).toEqual([]);
    const dates = drawn.filter((text) => /^\d{4}-\d\d-\d\d$/.test(text));
    expect(dates.length).toBeGreaterThan(0);
    expect(dates.filter((text) => !minutes.some((iso) => iso.startsWith(text)))).toEqual([]);
    expect(drawn.filter((text) => /[ap]m|\//.test(text))).toEqual([]);

    await until('two samples', async () => (await chart.getAttribute('data-last')) ?? undefined);
    const box = await chart.locator('.u-over').boundingBox();
    if (box === null) throw new Error('The chart is not there.');
    await page.mouse.move(box.x + box.width - 2, box.y + box.height / 2);
    const legend = chart.locator('.u-legend .u-series').first();
    const text = await until(
      'a time in the legend',
      async () => /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/.exec((await legend.textContent()) ?? '')?.[0],
    );
    expect(await legend.textContent()).toContain('UTC');
    expect(Math.abs(Date.parse(`${text.replace(' ', 'T')}Z`) - Date.now())).toBeLessThan(120_000);
    visitor.expectNoProblem();
    await visitor.context.close();
  });

  it('is brushed by a finger, and says how without one', async () => {
    const visitor = await Visitor.come(browser, base, { touch: true, width: 360 });
    const { page } = visitor;
    await visitor.go('/connections');
    await page.getByRole('img', { name: /the fields since and until of the form below/ }).waitFor();
    await visitor.settled();
    const over = page.locator('figure', { hasText: 'drag over a time' }).locator('.u-over');
    await over.scrollIntoViewIfNeeded();
    const box = await over.boundingBox();
    if (box === null) throw new Error('The chart is not there.');
    const hand = await visitor.context.newCDPSession(page);
    const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', part?: number): Promise<unknown> =>
      hand.send('Input.dispatchTouchEvent', {
        type,
        touchPoints: part === undefined ? [] : [{ x: box.x + box.width * part, y: box.y + box.height / 2 }],
      });
    await touch('touchStart', 0.25);
    for (const part of [0.35, 0.5, 0.75]) await touch('touchMove', part);
    await touch('touchEnd');
    await page.waitForURL(/since=20\d\d-.*until=20\d\d-/);
    visitor.expectNoProblem();
    await visitor.context.close();
  });

  it('says on a phone that a table is wider, and no longer where it is not', async () => {
    const visitor = await Visitor.come(browser, base, { width: 360 });
    await visitor.go('/services');
    await visitor.page.getByText('Wider than the screen').first().waitFor();
    await visitor.page.setViewportSize({ width: 1280, height: 800 });
    await visitor.page.getByText('Wider than the screen').first().waitFor({ state: 'detached' });
    visitor.expectNoProblem();
    await visitor.context.close();
  });

  it('finds a connection that was just made, and narrows by brushing', async () => {
    const { socket, port } = await connection();
    await until(
      'it is in the store',
      () => vslog.sql<{ n: number }>(`SELECT count() AS n FROM connections WHERE client_port = ${port}`)[0]?.n || undefined,
    );
    const visitor = await Visitor.come(browser, base);
    await visitor.go('/connections');
    await visitor.page.getByLabel('client', { exact: true }).fill('127.0.0.1');
    await visitor.page.getByRole('button', { name: 'Ask' }).click();
    await visitor.page.getByRole('region', { name: 'who' }).getByText(`127.0.0.1:${port}`).first().waitFor();
    expect(visitor.page.url()).toContain('client=127.0.0.1');
    socket.end();

    const chart = visitor.page.locator('figure', { hasText: 'drag over a time' }).locator('.u-over');
    const box = await chart.boundingBox();
    if (box === null) throw new Error('The chart is not there.');
    const middle = box.y + box.height / 2;
    await visitor.page.mouse.move(box.x + box.width * 0.25, middle);
    await visitor.page.mouse.down();
    await visitor.page.mouse.move(box.x + box.width * 0.75, middle, { steps: 5 });
    await visitor.page.mouse.up();
    await visitor.page.waitForURL(/since=20\d\d-.*until=20\d\d-/);
    expect(await visitor.page.getByLabel('since', { exact: true }).inputValue()).toMatch(/^20\d\d-\d\d-\d\dT/);
    visitor.expectNoProblem();
    await visitor.context.close();
  });

  it('drains a real server, says when its cable can be pulled, and gives its weight back', async () => {
    // The scheduler sends them to both; one of three at least is on the first.
    const made = await Promise.all(Array.from({ length: 4 }, connection));
    const visitor = await Visitor.come(browser, base);
    const { page } = visitor;
    await visitor.go('/services');
    const row = page.getByRole('row', { name: first });
    await row.getByRole('button', { name: 'Drain' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('goes from 3 to 0').waitFor();
    expect(await visitor.faults()).toEqual([]);
    await dialog.getByLabel('token').fill('not the right one');
    await dialog.getByRole('button', { name: 'Drain' }).click();
    await dialog.getByText('this is none of them').waitFor();
    expect(vslog.run('rs', 'ls').out).not.toContain('quiesced');
    await dialog.getByLabel('token').fill(TOKEN);
    await dialog.getByRole('button', { name: 'Drain' }).click();
    await page.getByText(`${first} is quiesced in`).waitFor();
    await row.getByText(/quiesced/).waitFor();

    await page.getByRole('link', { name: 'Drain board' }).click();
    const drain = page.getByRole('region', { name: `Drain of ${first}` });
    await drain.getByText(/\d connections? left/).waitFor();
    for (const { socket } of made) socket.end();
    await drain.getByText('Safe to unplug').waitFor();
    expect(await visitor.faults()).toEqual([]);
    // The token is known by now.
    await drain.getByRole('button', { name: 'Give weight back' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Give back' }).click();
    await page.getByText(`${first} has the weight 3 in`).waitFor();
    await page.getByText('No real server is quiesced.').waitFor();
    visitor.expectNoProblem(/status of 401/);
    await visitor.context.close();
  });

  it('sets a knob with a token, and says so in the log and on the charts', async () => {
    const visitor = await Visitor.come(browser, base);
    const { page } = visitor;
    await visitor.go('/knobs');
    await page.getByLabel('find').fill('expire_nodest_conn');
    const knob = page.locator('details', { hasText: 'expire_nodest_conn' }).first();
    await knob.locator('summary').click();
    await knob.getByLabel('new value of expire_nodest_conn').selectOption('1');
    await knob.getByRole('button', { name: 'Set' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('expire_nodest_conn: 0 → 1').waitFor();
    // Nothing is changed by whoever changes their mind.
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    expect(vslog.run('knob', 'get', 'expire_nodest_conn', '--json').out).toContain('"0"');
    await knob.getByRole('button', { name: 'Set' }).click();
    await dialog.getByLabel('token').fill(TOKEN);
    await dialog.getByRole('button', { name: 'Set', exact: true }).click();
    await page.locator('.done').getByText('expire_nodest_conn: 0 → 1').waitFor();
    await until('its value', async () => ((await knob.locator('.now').textContent()) === '1' ? true : undefined));
    expect(vslog.run('knob', 'get', 'expire_nodest_conn', '--json').out).toContain('"1"');

    await page.getByRole('link', { name: 'Changes', exact: true }).click();
    await until('the record', async () => {
      await page.getByRole('button', { name: 'Ask' }).click();
      return (await page.getByText('for alice@console').count()) > 0 || undefined;
    });
    await visitor.go('/overview');
    await page.locator('figure', { hasText: 'Events a second' }).getByText('expire_nodest_conn: 0 → 1').waitFor();
    visitor.expectNoProblem();
    await visitor.context.close();
  });

  it('runs SQL, helps with its words, and refuses to write', async () => {
    const visitor = await Visitor.come(browser, base);
    const { page } = visitor;
    await visitor.go('/sql');
    const area = page.getByRole('textbox', { name: 'SQL' });
    await area.fill('SELECT count() AS events, ');
    await page.getByText('conn_events', { exact: true }).click();
    await page.getByRole('button', { name: 'protocol', exact: true }).first().click();
    expect(await area.inputValue()).toBe('SELECT count() AS events, protocol');
    await area.fill('SELECT count() > 0 AS some FROM conn_events');
    await area.press('Control+Enter');
    await page.getByRole('region', { name: 'Answer' }).getByText('1').waitFor();
    await area.fill('DROP TABLE conn_events');
    await page.getByRole('button', { name: 'Run' }).click();
    await page.locator('.problem').waitFor();
    visitor.expectNoProblem(/status of 400/);
    await visitor.context.close();
  });

  it('runs no query that came with a link, and says so when an answer is no table', async () => {
    const visitor = await Visitor.come(browser, base);
    const { page } = visitor;
    const asked: string[] = [];
    await page.route('**/api/sql', (route) => {
      asked.push(route.request().postData() ?? '');
      return route.fulfill({ contentType: 'text/plain', body: '1\n' });
    });
    await visitor.go('/sql?q=SELECT%201%20FORMAT%20CSV');
    await page.getByText('This query came with the address').waitFor();
    await page.getByText('conn_events', { exact: true }).waitFor();
    expect(await page.getByRole('textbox', { name: 'SQL' }).inputValue()).toBe('SELECT 1 FORMAT CSV');
    expect(asked).toEqual([]);
    await page.getByRole('button', { name: 'Run' }).click();
    await page.locator('.problem').getByText('leave FORMAT out').waitFor();
    expect(asked).toEqual(['SELECT 1 FORMAT CSV']);
    visitor.expectNoProblem();
    await visitor.context.close();
  });

  it('is walked through by keys, and keeps its colours', async () => {
    const visitor = await Visitor.come(browser, base);
    const { page } = visitor;
    await visitor.go('/overview');
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('k');
    await page.getByRole('heading', { level: 1, name: 'Knobs' }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('tcp');
    expect(await page.getByLabel('find').inputValue()).toBe('tcp');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'auto' }).click();
    await page.getByRole('button', { name: 'light' }).click();
    await page.reload();
    await page.getByRole('button', { name: 'dark' }).waitFor();
    expect(await page.evaluate('document.documentElement.dataset.theme')).toBe('dark');
    await page.goBack();
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
    visitor.expectNoProblem();
    await visitor.context.close();
  });

  it('says so when the collector goes away, and goes on when it is back', async () => {
    const visitor = await Visitor.come(browser, base);
    await visitor.go('/overview');
    await visitor.page.getByText('live', { exact: true }).waitFor();
    expect(await up.end()).toBe(0);
    await visitor.page.getByText('not live').waitFor();
    await visitor.page.getByText('The collector does not answer; trying again.').waitFor();
    const [port = ''] = base.split(':').slice(-1);
    up = vslog.up('--source', 'engine', '--load', '--console-listen', `127.0.0.1:${port}`);
    await up.says(/ready: source/);
    await visitor.page.getByText('live', { exact: true }).waitFor();
    await visitor.context.close();
  });

  it('only shows where there is no token', async () => {
    const visitor = await Visitor.come(browser, base);
    await visitor.go('/knobs');
    await visitor.page.getByText('This console only shows.').waitFor();
    const knob = visitor.page.locator('details', { hasText: 'expire_nodest_conn' }).first();
    await knob.locator('summary').click();
    expect(await knob.getByRole('button').count()).toBe(0);
    await visitor.go('/services');
    await visitor.page.getByText('This console only shows.').waitFor();
    expect(await visitor.page.getByRole('button', { name: 'Drain' }).count()).toBe(0);
    const refused = await visitor.page.evaluate(
      "fetch('/api/knobs', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }).then((answer) => answer.status)",
    );
    expect(refused).toBe(403);
    visitor.expectNoProblem(/status of 403/);
    await visitor.context.close();
  });
});
