import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clockText } from '../../src/text/moment.js';
import { collectorOf, rowsOf } from '../e2e/collector-api.js';
import { type Up, Vslog } from '../e2e/support/vslog.js';
import { until } from '../support/patience.js';
import { freePorts, listen } from '../support/ports.js';
import { type Manner, openBrowser, Visitor } from './browser.js';

const TOKEN = '0123456789abcdef-alice';
const REPORTS = ['who', 'rs', 'drain', 'nodest', 'affinity', 'reasons', 'churn', 'top', 'thresholds', 'changes', 'reuse', 'loss', 'window'];
/** Every page and its title. The report of a real server wants one. */
const pages = (real: string): (readonly [path: string, title: string])[] => [
  ['/overview', 'Overview'],
  ['/services', 'Services'],
  ['/drains', 'Drain board'],
  ['/connections', 'Connections'],
  ...REPORTS.map((name) => [`/reports/${name}${name === 'rs' ? `?rs=${real}` : ''}`, 'Reports'] as const),
  ['/changes', 'Changes'],
  ['/knobs', 'Knobs'],
  ['/sql', 'SQL'],
  ['/health', 'Completeness'],
];
const BRUSHED = /since=20\d\d-.*until=20\d\d-/;
/** Where a chart that can be brushed is, in pixels. */
type Box = { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
/** Keeps whatever is written on a canvas. */
const KEEP_TEXT = `window.drawn = [];
const write = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
  window.drawn.push(text);
  return write.call(this, text, ...rest);
};`;

/** Brushes the chart, again when that was no brushing: a machine that stands still in the middle of it makes it another gesture. */
async function brush(page: Page, gesture: (box: Box) => Promise<unknown>): Promise<void> {
  const over = page.locator('figure', { hasText: 'drag over a time' }).locator('.u-over');
  const done = async (): Promise<boolean> => {
    if (BRUSHED.test(page.url())) return true;
    await over.scrollIntoViewIfNeeded();
    const box = await over.boundingBox();
    if (box !== null) await gesture(box);
    return false;
  };
  await until('a time that was dragged over', done, { everyMs: 200 });
}

describe('the console in a browser', () => {
  const vslog = new Vslog();
  const api = collectorOf(vslog);
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
    const tokens = vslog.secret('tokens', `alice ${TOKEN}\n`);
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

  /** Somebody whom a link has let in. */
  const come = async (how: Manner = {}) => Visitor.come(browser, base, { ...how, link: (await api.consoleLink()).url });

  /** A connection through the balancer; resolves to the client's port. */
  async function connection(): Promise<{ readonly socket: Socket; readonly port: number }> {
    const socket = connect(service, '127.0.0.1');
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    socket.write('x');
    return { socket, port: (socket.address() as { port: number }).port };
  }

  /** One that the store has. */
  async function recorded(): Promise<{ readonly socket: Socket; readonly port: number }> {
    const made = await connection();
    const sql = `SELECT client_port FROM connections WHERE client_port = ${made.port}`;
    await until('it is in the store', async () => (await rowsOf(api, sql)).length > 0);
    return made;
  }

  it.each([
    ['light', {}, undefined],
    // In the dark only the colours are others.
    ['dark', { dark: true }, 'cat.color'],
    ['on a phone', { width: 360 }, undefined],
  ])('has pages that load and that everybody can use: %s', async (name, how, rules) => {
    const visitor = await come(how);
    const { page } = visitor;
    await visitor.go('/overview');
    for (const [path, title] of pages(first)) {
      // Each is once loaded from its address.
      if (name === 'light') await visitor.go(path);
      else await visitor.turn(path);
      await page.getByRole('heading', { level: 1, name: title }).waitFor();
      const report = path.startsWith('/reports');
      if (report) await page.getByRole('button', { name: 'Ask' }).waitFor();
      await visitor.settled();
      await until(`the title of ${path}`, async () => (await page.title()) === `${title} · vslog`);
      if (report) expect([path, await page.locator('.problem').allInnerTexts()]).toEqual([path, []]);
      expect(await visitor.faults(rules)).toEqual([]);
      expect([path, await visitor.overflow()]).toEqual([path, 0]);
    }
    visitor.expectNoProblem();
    await visitor.context.close();
  });

  it('says what is wrong with a question', async () => {
    const visitor = await come();
    await visitor.go('/reports/who?client=nonsense');
    await visitor.page.locator('.problem').getByText('it must be an address').waitFor();
    expect(await visitor.faults()).toEqual([]);
    // The browser itself tells of an answer that is no success.
    visitor.expectNoProblem(/status of 400/);
    await visitor.context.close();
  });

  it('moves while it is looked at', async () => {
    const visitor = await come();
    await visitor.go('/overview');
    const chart = visitor.page.locator('figure', { has: visitor.page.getByRole('img', { name: /^Open connections,/ }) });
    const last = async (): Promise<number> => Number(await chart.getAttribute('data-last'));
    await until('a first sample', async () => (await last()) > 0);
    const before = await last();
    await until('a later one', async () => (await last()) > before);
    const { socket } = await connection();
    await visitor.page.locator('.tile', { hasText: 'Open connections' }).locator('.value').getByText('1', { exact: true }).waitFor();
    await visitor.page.getByRole('img', { name: /^Open connections, .* open: 0 to 1, last 1\. Without a pointer/ }).waitFor();
    socket.resetAndDestroy();
    visitor.expectNoProblem();
    await visitor.context.close();
  });

  it('says times in the zone of the browser, and which that is', async () => {
    const zone = 'Pacific/Kiritimati';
    const visitor = await come({ timezone: zone });
    const { page } = visitor;
    await page.addInitScript(KEEP_TEXT);
    const begun = Date.now();
    await visitor.go('/overview?since=15m');
    await page.getByText(`${zone} (+14:00)`).waitFor();
    const chart = page.locator('figure', { hasText: 'New and ended connections per minute' });
    await chart.locator('figcaption').getByText(zone).waitFor();
    const drawn = await until('labels of time', async () => {
      const texts = (await page.evaluate('window.drawn')) as string[];
      return texts.some((text) => /^\d\d:\d\d(:\d\d)?(\n|$)/.test(text)) && texts;
    });
    // Labels are of the quarter of an hour before the page was opened, and a little more; elsewhere in the world these have other names.
    const local = (ms: number): string => clockText(ms, zone);
    const [before, now] = [begun / 60_000 - 20, Date.now() / 60_000 + 1];
    const minutes = Array.from({ length: Math.ceil(now - before) + 1 }, (_, i) => local((before + i) * 60_000));
    const clocks = drawn.filter((text) => /^\d\d:\d\d/.test(text));
    expect(clocks.length).toBeGreaterThan(0);
    expect(clocks.filter((text) => !minutes.some((minute) => minute.slice(11, 16) === text.slice(0, 5)))).toEqual([]);
    expect(drawn.filter((text) => /[ap]m|\//.test(text))).toEqual([]);

    const legend = chart.locator('.u-legend .u-series').first();
    const text = await until('a time in the legend', async () => {
      const box = await chart.locator('.u-over').boundingBox();
      if (box === null) return undefined;
      await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
      await page.mouse.move(box.x + box.width - 20, box.y + box.height / 2);
      return /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/.exec((await legend.textContent()) ?? '')?.[0];
    });
    expect(await legend.textContent()).toContain('+14:00');
    expect(text >= local(begun - 16 * 60_000) && text <= local(Date.now())).toBe(true);
    visitor.expectNoProblem();
    await visitor.context.close();
  });

  it('is brushed by a finger, and says how without one', async () => {
    // Without anything there is no chart.
    (await recorded()).socket.resetAndDestroy();
    const visitor = await come({ touch: true, width: 360 });
    const { page } = visitor;
    await visitor.go('/connections');
    await page.getByRole('img', { name: /the fields since and until of this page/ }).waitFor();
    await visitor.settled();
    const hand = await visitor.context.newCDPSession(page);
    await brush(page, async ({ x, y, width, height }) => {
      const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', part?: number): Promise<unknown> =>
        hand.send('Input.dispatchTouchEvent', {
          type,
          touchPoints: part === undefined ? [] : [{ x: x + width * part, y: y + height / 2 }],
        });
      await touch('touchStart', 0.25);
      for (const part of [0.35, 0.5, 0.75]) await touch('touchMove', part);
      await touch('touchEnd');
    });
    visitor.expectNoProblem();
    await visitor.context.close();
  });

  it('says on a phone that a table is wider, and no longer where it is not', async () => {
    const visitor = await come({ width: 360 });
    await visitor.go('/services');
    await visitor.page.getByText('Wider than the screen').first().waitFor();
    await visitor.page.setViewportSize({ width: 1280, height: 800 });
    await visitor.page.getByText('Wider than the screen').first().waitFor({ state: 'detached' });
    visitor.expectNoProblem();
    await visitor.context.close();
  });

  it('finds a connection that was just made, and narrows by brushing', async () => {
    const { socket, port } = await recorded();
    const visitor = await come();
    await visitor.go('/connections');
    await visitor.page.getByLabel('client', { exact: true }).fill('127.0.0.1');
    await visitor.page.getByRole('button', { name: 'Ask' }).click();
    await visitor.page.getByRole('region', { name: 'who' }).getByText(`127.0.0.1:${port}`).first().waitFor();
    expect(visitor.page.url()).toContain('client=127.0.0.1');
    socket.resetAndDestroy();

    await brush(visitor.page, async ({ x, y, width, height }) => {
      await visitor.page.mouse.move(x + width * 0.25, y + height / 2);
      await visitor.page.mouse.down();
      await visitor.page.mouse.move(x + width * 0.75, y + height / 2, { steps: 5 });
      await visitor.page.mouse.up();
    });
    const since = visitor.page.getByLabel('since', { exact: true });
    await until('the time in its field', async () => /^20\d\d-\d\d-\d\d /.test(await since.inputValue()));
    visitor.expectNoProblem();
    await visitor.context.close();
  });

  it('drains a real server, says when it can be stopped and what of its host goes on, and restores its weight', async () => {
    // The scheduler sends them to both; one of three at least is on the first.
    const made = await Promise.all(Array.from({ length: 4 }, connection));
    const visitor = await come();
    const { page } = visitor;
    await visitor.go('/services');
    const row = page.getByRole('row', { name: first });
    await row.getByRole('button', { name: 'Drain' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('goes from 3 to 0').waitFor();
    expect(await visitor.faults()).toEqual([]);
    await dialog.getByLabel('token').fill('not the right one');
    await dialog.getByRole('button', { name: 'Drain' }).click();
    await dialog.getByText('This token is none of ours').waitFor();
    const { out } = await vslog.ran('rs', 'ls');
    expect(out).toContain(first);
    expect(out).not.toContain('quiesced');
    await dialog.getByLabel('token').fill(TOKEN);
    await dialog.getByRole('button', { name: 'Drain' }).click();
    await page.getByText(`${first} is quiesced in`).waitFor();
    await row.getByText(/quiesced/).waitFor();

    await page.getByRole('link', { name: 'Drain board' }).click();
    const drain = page.getByRole('region', { name: `Drain of ${first}` });
    await drain.getByText(/\d established connections? left/).waitFor();
    for (const { socket } of made) socket.resetAndDestroy();
    await drain.getByText(/^✓ Safe to stop/).waitFor();
    await drain.getByText('do not pull its cable').waitFor();
    expect(await visitor.faults()).toEqual([]);
    // The token is known by now.
    await drain.getByRole('button', { name: 'Restore weight' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Restore weight' }).click();
    await page.getByText(`${first} has weight 3 in`).waitFor();
    await page.getByText('Nothing is quiesced.').waitFor();
    visitor.expectNoProblem(/status of 401/);
    await visitor.context.close();
  });

  it('sets a knob with a token, and says so in the log and on the charts', async () => {
    // Charts show the changes of their own time: this one begins before it.
    const watcher = await come();
    await watcher.go('/overview');
    const chart = watcher.page.locator('figure', { hasText: 'New and ended connections per minute' });
    await until('a chart', async () => Number(await chart.getAttribute('data-last')) > 0);
    await Promise.all([chart.getByText('expire_nodest_conn: 0 → 1').waitFor(), setKnob()]);
    watcher.expectNoProblem();
    await watcher.context.close();
  });

  /** As a person does, who changes their mind at first. */
  async function setKnob(): Promise<void> {
    const visitor = await come();
    const { page } = visitor;
    await visitor.go('/knobs');
    await page.getByLabel('find').fill('expire_nodest_conn');
    const knob = page.locator('details', { hasText: 'expire_nodest_conn' }).first();
    await knob.locator('summary').click();
    await knob.getByLabel('new value of expire_nodest_conn').selectOption('1');
    await knob.getByRole('button', { name: 'Set' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('expire_nodest_conn: 0 → 1').waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    const value = async (): Promise<string> => (await vslog.ran('knob', 'get', 'expire_nodest_conn', '--json')).out;
    expect(await value()).toContain('"0"');
    await knob.getByRole('button', { name: 'Set' }).click();
    await dialog.getByLabel('token').fill(TOKEN);
    await dialog.getByRole('button', { name: 'Set', exact: true }).click();
    await page.locator('.done').getByText('expire_nodest_conn: 0 → 1').waitFor();
    await until('its value', async () => (await knob.locator('.now').textContent()) === '1');
    expect(await value()).toContain('"1"');

    const sql = "SELECT command FROM control_events WHERE name = 'expire_nodest_conn' AND kind = 'knob_changed'";
    await until('the record', async () => (await rowsOf(api, sql)).length > 0);
    await page.getByRole('link', { name: 'Changes', exact: true }).click();
    await page.getByRole('button', { name: 'Ask' }).click();
    await page.getByText('alice@console', { exact: true }).first().waitFor();
    visitor.expectNoProblem();
    await visitor.context.close();
  }

  it('runs SQL, helps with its words, and refuses to write', async () => {
    const visitor = await come();
    const { page } = visitor;
    await visitor.go('/sql');
    const area = page.getByRole('textbox', { name: 'SQL' });
    await area.fill('SELECT count() AS events, ');
    await page.getByText('conn_events', { exact: true }).click();
    await page.getByRole('button', { name: 'protocol', exact: true }).first().click();
    expect(await area.inputValue()).toBe('SELECT count() AS events, protocol');
    await area.fill('SELECT 40 + 2 AS some');
    await area.press('Control+Enter');
    await page.getByRole('region', { name: 'Answer' }).getByText('42', { exact: true }).waitFor();
    await area.fill('DROP TABLE conn_events');
    await page.getByRole('button', { name: 'Run' }).click();
    await page.locator('.problem').waitFor();
    visitor.expectNoProblem(/status of 400/);
    await visitor.context.close();
  });

  it('runs no query that came with a link, and says so when an answer is no table', async () => {
    const visitor = await come();
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
    const visitor = await come();
    const { page } = visitor;
    await visitor.go('/overview');
    await page.getByRole('heading', { level: 1 }).waitFor();
    // The second key must follow within a second: where the machine stood still between them, both are pressed again.
    const at = async (name: string): Promise<boolean> => (await page.getByRole('heading', { level: 1, name }).count()) > 0;
    const press = async (): Promise<boolean> => {
      if (await at('Knobs')) return true;
      await page.keyboard.press('g');
      await page.keyboard.press('k');
      return false;
    };
    await until('the page of the knobs', press, { everyMs: 500 });
    await page.keyboard.press('/');
    await page.keyboard.type('tcp');
    expect(await page.getByLabel('find').inputValue()).toBe('tcp');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'auto' }).click();
    await page.getByRole('button', { name: 'light' }).click();
    await page.reload();
    await page.getByRole('button', { name: 'dark' }).waitFor();
    expect(await page.evaluate('document.documentElement.dataset.theme')).toBe('dark');
    const back = async (): Promise<boolean> => {
      if (await at('Overview')) return true;
      await page.goBack();
      return false;
    };
    await until('the page before', back, { everyMs: 500 });
    visitor.expectNoProblem();
    await visitor.context.close();
  });

  describe('before somebody is let in', () => {
    const DOOR = 'prints a link that opens it';

    it('says how, to whoever can see and use a page, and shows nothing else', async () => {
      for (const dark of [false, true]) {
        const visitor = await Visitor.come(browser, base, { dark, width: 360 });
        await visitor.go('/overview');
        await visitor.page.getByText(DOOR).waitFor();
        expect(await visitor.faults()).toEqual([]);
        expect(await visitor.overflow()).toBe(0);
        visitor.expectNoProblem(/status of 401/);
        await visitor.context.close();
      }
    });

    it('takes a token, and opens the page that was asked for', async () => {
      const visitor = await Visitor.come(browser, base);
      await visitor.go('/connections?client=10.0.0.1');
      await visitor.page.getByLabel('paste a token').fill('no-such-token-at-all');
      await visitor.page.getByRole('button', { name: 'Open' }).click();
      await visitor.page.getByText('This token is none of ours').waitFor();
      await visitor.go('/connections?client=10.0.0.1');
      await visitor.page.getByLabel('paste a token').fill(vslog.token());
      await visitor.page.getByRole('button', { name: 'Open' }).click();
      await visitor.page.getByRole('heading', { name: 'Connections', level: 1 }).waitFor();
      expect(visitor.page.url()).toBe(`${base}/connections?client=10.0.0.1`);
      visitor.expectNoProblem(/status of 401/);
      await visitor.context.close();
    });

    it('opens by a link, which is not left in the address, and works once', async () => {
      const { url } = await api.consoleLink();
      const visitor = await Visitor.come(browser, base);
      await visitor.page.goto(url);
      await visitor.page.getByText('live', { exact: true }).waitFor();
      expect(new URL(visitor.page.url()).pathname).not.toContain('enter');
      visitor.expectNoProblem();
      await visitor.context.close();
      const other = await Visitor.come(browser, base);
      await other.page.goto(url);
      await other.page.getByText('This link was used already').waitFor();
      await other.context.close();
    });

    it("knows who was let in also behind a link on somebody else's page", async () => {
      const elsewhere = createHttpServer((_request, response) =>
        response.writeHead(200, { 'content-type': 'text/html' }).end(`<a href="${base}/knobs">knobs</a>`),
      );
      const port = await listen(elsewhere);
      const visitor = await come();
      // Another site; a port of our own name would be another origin of ours.
      for (const host of ['localhost', '127.0.0.1']) {
        await visitor.page.goto(`http://${host}:${port}/`);
        await visitor.page.getByRole('link', { name: 'knobs' }).click();
        await visitor.page.getByRole('heading', { name: 'Knobs', level: 1 }).waitFor();
      }
      await visitor.context.close();
      elsewhere.close();
    });
  });

  it('says so when the collector goes away, and how one gets in again when it is back', async () => {
    const visitor = await come();
    await visitor.go('/overview');
    await visitor.page.getByText('live', { exact: true }).waitFor();
    expect(await up.end()).toBe(0);
    await visitor.page.getByText('not live').waitFor();
    await visitor.page.getByText('The collector does not answer; trying again.').waitFor();
    const [port = ''] = base.split(':').slice(-1);
    up = vslog.up('--source', 'engine', '--load', '--load-connections', '100', '--console-listen', `127.0.0.1:${port}`);
    await up.says(/ready: source/);
    // It remembers no sessions.
    await visitor.page.getByText('prints a link that opens it').waitFor();
    await visitor.page.goto((await api.consoleLink()).url);
    await visitor.page.getByText('live', { exact: true }).waitFor();
    await visitor.context.close();
  });

  it('only shows where there is no token', async () => {
    const visitor = await come();
    await visitor.go('/knobs');
    await visitor.page.getByText('This console only shows.').waitFor();
    const knob = visitor.page.locator('details', { hasText: 'expire_nodest_conn' }).first();
    await knob.locator('summary').click();
    expect(await knob.getByRole('button').count()).toBe(0);
    await visitor.go('/services');
    await visitor.page.getByText('This console only shows.').waitFor();
    // The load's own services.
    await visitor.page.getByRole('row', { name: '198.51.100.11:80' }).first().waitFor();
    expect(await visitor.page.getByRole('button', { name: 'Drain' }).count()).toBe(0);
    const refused = await visitor.page.evaluate(
      "fetch('/api/knobs', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }).then((answer) => answer.status)",
    );
    expect(refused).toBe(403);
    visitor.expectNoProblem(/status of 403/);
    await visitor.context.close();
  });
});
