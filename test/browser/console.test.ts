import { chmodSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts, listen, type Up, until, Vslog } from '../e2e/support/vslog.js';
import { openBrowser, Visitor } from './browser.js';

const TOKEN = '0123456789abcdef-alice';
const PAGES = [
  ['/overview', 'Overview'],
  ['/services', 'Services'],
  ['/drains', 'Drain board'],
  ['/connections', 'Connections'],
  ['/changes', 'Changes'],
  ['/knobs', 'Knobs'],
  ['/sql', 'SQL'],
  ['/health', 'Completeness'],
] as const;
const REPORTS = ['who', 'rs', 'drain', 'nodest', 'affinity', 'reasons', 'churn', 'top', 'thresholds', 'changes', 'reuse', 'loss', 'window'];

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
    await until('the connection', async () =>
      (await visitor.page.locator('.tile', { hasText: 'Open connections' }).textContent())?.includes('1') ? true : undefined,
    );
    socket.end();
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
    await page.getByText('expire_nodest_conn: 0 → 1').first().waitFor();
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
