import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collectorOf, rowsOf } from '../e2e/collector-api.js';
import { Vslog } from '../e2e/support/vslog.js';
import { until } from '../support/patience.js';
import { freePorts } from '../support/ports.js';
import { type Manner, openBrowser, Visitor } from './browser.js';

const TOKEN = '0123456789abcdef-alice';
const PHONE = 390;
const HOSTS = ['127.0.0.2', '127.0.0.3'] as const;
/** The widths that pages are looked at. */
const WIDTHS = [1440, 1024, PHONE];

describe('pages of the console', () => {
  const vslog = new Vslog();
  const api = collectorOf(vslog);
  const reals: Server[] = [];
  const sockets = new Set<Socket>();
  let browser: Browser;
  let base = '';
  let service = 0;
  let servers: string[] = [];

  beforeAll(async () => {
    browser = await openBrowser();
    for (const host of HOSTS) {
      const server = createServer((socket) => socket.on('error', () => undefined).resume());
      reals.push(server);
      await new Promise<void>((resolve) => server.listen(0, host, resolve));
    }
    servers = reals.map((server, i) => `${HOSTS[i]}:${(server.address() as { port: number }).port}`);
    const [port = 0, page = 0] = await freePorts(2);
    service = port;
    base = `http://127.0.0.1:${page}`;
    const tokens = vslog.secret('tokens', `alice ${TOKEN}\n`);
    const up = vslog.up(
      ...['--source', 'engine', '--service', `tcp://127.0.0.1:${port}`, ...servers.flatMap((real) => ['--real', `${real},weight=1`])],
      ...['--console-listen', `127.0.0.1:${page}`, '--console-token-file', tokens],
    );
    await up.says(/ready: source/);
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await browser?.close();
    vslog.clean();
    for (const server of reals) server.close();
  });

  const come = async (how: Manner = {}) => Visitor.come(browser, base, { ...how, link: (await api.consoleLink()).url });

  /** A connection through the balancer that the store has; its client's port. */
  async function recorded(): Promise<{ readonly socket: Socket; readonly port: number }> {
    const socket = connect(service, '127.0.0.1');
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    socket.write('x');
    const { port } = socket.address() as { port: number };
    const sql = `SELECT client_port FROM connections WHERE client_port = ${port}`;
    await until('it is in the store', async () => (await rowsOf(api, sql)).length > 0);
    return { socket, port };
  }

  /** As the page does it, with alice's token. */
  async function drain(action: string, of: string): Promise<void> {
    const answer = await fetch(`${base}/api/drain`, {
      method: 'POST',
      body: JSON.stringify({ action, of }),
      headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
    });
    expect(await answer.text()).toContain('steps');
  }

  it('tells the story of a client, and from there that of each connection', async () => {
    const { socket, port } = await recorded();
    for (const width of WIDTHS) {
      const visitor = await come({ width, dark: width === 1024 });
      const { page } = visitor;
      await visitor.go('/story?client=127.0.0.1&since=1h');
      await page.getByRole('heading', { level: 1, name: 'Client 127.0.0.1' }).waitFor();
      await visitor.settled();
      await until('the title', async () => (await page.title()) === 'Client 127.0.0.1 · vslog');
      expect(await page.locator('.tile', { hasText: 'Last seen' }).locator('.value').textContent()).toBe('now');
      await page.locator('.lanes a').first().waitFor();
      expect(await visitor.faults()).toEqual([]);
      expect([width, await visitor.overflow()]).toEqual([width, 0]);
      const row = page.getByRole('region', { name: 'Connections', exact: true }).getByRole('row', { name: `127.0.0.1:${port}` });
      await row.getByText('open, ESTABLISHED').waitFor();
      await row.getByRole('link').first().click();
      await page.getByRole('heading', { level: 1, name: `Connection 127.0.0.1:${port} →` }).waitFor();
      await page.getByText(/^Open for .*, now ESTABLISHED\.$/).waitFor();
      await page.getByText(/Created: sent to 127\.0\.0\.[23]:\d+, which had weight 1, by the scheduler\./).waitFor();
      expect(await visitor.faults()).toEqual([]);
      expect([width, await visitor.overflow()]).toEqual([width, 0]);
      await page
        .getByRole('link', { name: `127.0.0.1:${port}` })
        .first()
        .click();
      await page.getByRole('heading', { level: 1, name: 'Client 127.0.0.1' }).waitFor();
      visitor.expectNoProblem();
      await visitor.context.close();
    }
    socket.resetAndDestroy();
    await until(
      'its end',
      async () => (await rowsOf(api, `SELECT 1 FROM connections WHERE client_port = ${port} AND NOT is_open`)).length > 0,
    );
    const [{ id } = { id: '' }] = await rowsOf<{ id: string }>(
      api,
      `SELECT toString(conn_id) AS id FROM connections WHERE client_port = ${port}`,
    );
    const visitor = await come();
    await visitor.go(`/story?conn=${id}`);
    await visitor.page
      .locator('.verdict')
      .getByText(/^Reset or refused after /)
      .waitFor();
    visitor.expectNoProblem();
    await visitor.context.close();
  });

  it('says what is wrong with a story that is asked for, and takes a client from the form', async () => {
    const visitor = await come();
    const { page } = visitor;
    await visitor.go('/story?conn=77');
    await page.locator('.problem').getByText('The log has no connection 77').waitFor();
    await visitor.go('/story');
    await page.getByLabel('client').fill('nonsense!');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.locator('.problem').getByText('it must be an address').first().waitFor();
    await page.getByLabel('client').fill('192.0.2.99');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.getByText('The log has no connection of 192.0.2.99 in this period.').waitFor();
    visitor.expectNoProblem(/status of 40[04]/);
    await visitor.context.close();
  });

  it('has a page for a path that has none, which leads to those that are', async () => {
    const visitor = await come();
    const { page } = visitor;
    for (const path of ['/nothing', '/changes/of/today', '/reports/who/more']) {
      const answer = await page.goto(base + path);
      expect([path, answer?.status()]).toEqual([path, 404]);
      await page.getByRole('heading', { level: 1, name: 'No such page' }).waitFor();
      await page.getByText(`There is no page at ${path}.`).waitFor();
      await until('the title', async () => (await page.title()) === 'No such page · vslog');
      expect(await visitor.faults()).toEqual([]);
    }
    await page.getByRole('main').getByRole('link', { name: 'Knobs' }).click();
    await page.getByRole('heading', { level: 1, name: 'Knobs' }).waitFor();
    visitor.expectNoProblem(/status of 404/);
    await visitor.context.close();
  });

  it('shows drains of several hosts: what is left in a sentence, and green what is done; and who did it', async () => {
    const { socket, port } = await recorded();
    const [{ host } = { host: '' }] = await rowsOf<{ host: string }>(
      api,
      `SELECT real_addr AS host FROM connections WHERE client_port = ${port}`,
    );
    const other = HOSTS.find((one) => one !== host) ?? '';
    for (const one of HOSTS) await drain('quiesce', one);
    const visitor = await come();
    const { page } = visitor;
    await visitor.go('/drains');
    const held = page.getByRole('region', { name: `Drain of ${host}` });
    const done = page.getByRole('region', { name: `Drain of ${other}` });
    await held.getByText('Not safe to unplug yet: 1 established connection left.').waitFor();
    await done.getByText(/^✓ Safe to unplug: /).waitFor();
    const left = held.getByRole('link', { name: '1 established connection left' });
    expect(await left.getAttribute('href')).toBe(`/connections?rs=${host}&outcome=open&since=1h`);
    expect(await held.getByRole('link', { name: '127.0.0.1' }).getAttribute('href')).toBe('/story?client=127.0.0.1');
    const colourOf = (where: string) => page.evaluate(`getComputedStyle(document.querySelector(${JSON.stringify(where)})).color`);
    const green = await colourOf('header .good');
    expect(await colourOf('.drained .verdict')).toBe(green);
    expect(await colourOf('.drain:not(.drained) .verdict')).not.toBe(green);
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 800 });
      expect([width, await visitor.overflow()]).toEqual([width, 0]);
    }
    expect(await visitor.faults()).toEqual([]);
    socket.resetAndDestroy();
    await held.getByText(/^✓ Safe to unplug: /).waitFor();

    const sql = "SELECT 1 FROM control_events WHERE kind = 'real_changed'";
    await until('both records', async () => (await rowsOf(api, sql)).length >= HOSTS.length);
    await page.setViewportSize({ width: 1440, height: 800 });
    await visitor.go('/changes?since=1h');
    const table = page.getByRole('region', { name: 'changes' });
    await table.waitFor();
    expect((await table.getByRole('columnheader').allTextContents()).map((title) => title.trim())[1]).toBe('who');
    const who = table
      .getByRole('row', { name: `real server ${host}` })
      .first()
      .locator('details');
    await who.getByText('alice@console', { exact: true }).click();
    await who.getByText('for alice@console: ').waitFor();
    expect(await visitor.faults()).toEqual([]);
    await page.setViewportSize({ width: PHONE, height: 800 });
    expect(await visitor.overflow()).toBe(0);
    expect(await visitor.faults()).toEqual([]);
    visitor.expectNoProblem();
    await visitor.context.close();
    for (const one of HOSTS) await drain('cancel', one);
  });

  it('asks in the middle of the screen, holds the focus, and gives it back', async () => {
    const visitor = await come({ width: 1024 });
    const { page } = visitor;
    await visitor.go('/services');
    const button = page.getByRole('row', { name: servers[0] ?? '' }).getByRole('button', { name: 'Drain' });
    const dialog = page.getByRole('dialog');
    const focused = (where: string) => page.evaluate(`document.activeElement.closest(${JSON.stringify(where)}) !== null`);
    for (const width of [1024, PHONE]) {
      await page.setViewportSize({ width, height: 800 });
      await button.focus();
      await page.keyboard.press('Enter');
      await dialog.waitFor();
      const box = await dialog.boundingBox();
      expect(Math.abs((box?.x ?? 0) + (box?.width ?? 0) / 2 - width / 2)).toBeLessThan(10);
      expect(Math.abs((box?.y ?? 0) + (box?.height ?? 0) / 2 - 400)).toBeLessThan(10);
      // Where the page ends the browser's own bar would come next: there the body has the focus, and nothing of the page behind the dialog.
      for (let i = 0; i < 8; i++) {
        expect(await focused('dialog, body:not(:has(*:focus))')).toBe(true);
        await page.keyboard.press('Tab');
      }
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'hidden' });
      expect(await page.evaluate(`document.activeElement.closest('tr')?.textContent.includes(${JSON.stringify(servers[0])})`)).toBe(true);
      expect(await focused('button')).toBe(true);
    }
    visitor.expectNoProblem();
    await visitor.context.close();
  });

  it('is walked through on a phone by its menu, and shows changed knobs first', async () => {
    const set = await vslog.ran('knob', 'set', 'expire_nodest_conn=1');
    expect(set.code).toBe(0);
    const visitor = await come({ width: PHONE, touch: true });
    const { page } = visitor;
    await visitor.go('/overview');
    const menu = page.getByRole('button', { name: 'Overview' });
    await menu.click();
    expect(await visitor.faults()).toEqual([]);
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Knobs' }).click();
    await page.getByRole('heading', { level: 1, name: 'Knobs' }).waitFor();
    await page.getByRole('navigation', { name: 'Pages' }).waitFor({ state: 'hidden' });
    await page.getByRole('heading', { level: 2 }).first().getByText('Changed').waitFor();
    await page.getByRole('region', { name: 'Changed' }).locator('code', { hasText: 'expire_nodest_conn' }).first().waitFor();
    await page.getByRole('navigation', { name: 'Groups of knobs' }).getByRole('link', { name: 'Timeouts' }).first().click();
    await until('the group in the address', () => page.url().endsWith('#knobs-timeouts'));
    expect(await visitor.faults()).toEqual([]);
    expect(await visitor.overflow()).toBe(0);
    await page.getByLabel('find').fill('timewait');
    await page.getByRole('region', { name: 'Expiry' }).waitFor({ state: 'detached' });
    expect(page.url()).toContain('find=timewait');
    visitor.expectNoProblem();
    await visitor.context.close();
  });
});
