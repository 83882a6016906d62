import { spawnSync } from 'node:child_process';
import type { Browser, Locator, Page } from 'playwright-core';
import { openBrowser, Visitor } from '../browser/browser.js';
import { freePort } from '../support/ports.js';
import { makeHistory } from './query.js';
import { MAIN, percentile, Setup } from './setup.js';

export interface FiveOptions {
  readonly events: number;
  readonly days: number;
  /** How often each is asked; the median counts. */
  readonly times: number;
}

/** A real server of the history, and the balancer's. */
const SERVER = '10.2.0.15';

/** What people ask, and the command that answers it. */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  who_was_on_that_server: ['report', 'who', '--rs', SERVER, '--since', '7d', '--no-plot'],
  can_i_pull_its_cable: ['rs', 'drain', SERVER, '--no-watch'],
  why_did_connections_end: ['report', 'reasons', '--since', '7d', '--no-plot'],
  what_was_dropped: ['report', 'nodest', '--since', '7d', '--no-plot'],
  who_changed_it: ['report', 'changes', '--since', '7d'],
};

/** Where somebody is, what is clicked there, and what is the answer. */
interface Click {
  readonly path: string;
  readonly on: (page: Page) => Locator;
  readonly answer: (page: Page) => Locator;
}

const page = (name: string) => (at: Page) => at.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name, exact: true });
const rows = (label: string) => (at: Page) => at.getByRole('region', { name: label }).locator('tbody tr').first();

/** The same by one click on a page of the console. */
const CLICKS: Readonly<Record<string, Click>> = {
  who_was_on_that_server: { path: '/overview?since=7d', on: (at) => at.locator('a.part').first(), answer: rows('who') },
  can_i_pull_its_cable: {
    path: '/overview',
    on: page('Drain board'),
    answer: (at) => at.getByRole('region', { name: `Drain of ${SERVER}` }).locator('.verdict'),
  },
  why_did_connections_end: {
    path: '/overview?since=7d',
    on: (at) => at.getByRole('link', { name: /eport.* of all|^Report: outcomes/ }),
    answer: rows('reasons'),
  },
  what_was_dropped: { path: '/reports/churn?since=7d', on: (at) => at.getByRole('link', { name: 'nodest' }), answer: rows('nodest') },
  who_changed_it: { path: '/overview?since=7d', on: page('Changes'), answer: rows('changes') },
};

/** The five questions that vslog exists for, each by its one command and by one click, as somebody with a stopwatch sees it: from the key to the end of the answer. */
export async function five({ events: made, days, times }: FiveOptions, say: (line: string) => void): Promise<Record<string, unknown>> {
  const setup = new Setup();
  const until = Math.floor(Date.now() / 3_600_000) * 3600;
  await makeHistory(setup.store, { events: made, days, until, database: 'vslog' }, say);
  const port = await freePort();
  await setup.startCollector({ VSLOG_CONSOLE_LISTEN: `127.0.0.1:${port}` });
  const virtual = `tcp://127.0.0.1:${await freePort()}`;
  await setup.startCapture(['--source', 'engine', '--service', virtual, '--real', `${SERVER}:8443`, '--real', '10.2.0.16:8443']);
  const took: Record<string, number> = {};
  for (const [question, args] of Object.entries(COMMANDS)) {
    const each: number[] = [];
    for (let i = 0; i < times; i++) each.push(ask(setup.env, args));
    took[question] = Math.round(percentile(each, 0.5));
    say(`vslog ${args.join(' ')}: ${took[question]} ms`);
  }
  const clicked: Record<string, number> = {};
  const browser = await openBrowser();
  try {
    for (const [question, click] of Object.entries(CLICKS)) {
      const each: number[] = [];
      for (let i = 0; i < times; i++) each.push(await look(browser, setup, `http://127.0.0.1:${port}`, click));
      clicked[question] = Math.round(percentile(each, 0.5));
      say(`a click at ${click.path}: ${clicked[question]} ms`);
    }
  } finally {
    await browser.close();
  }
  const events = await setup.count('conn_events');
  await setup.end();
  return { rows: events, times, command_ms: took, click_ms: clicked };
}

/** From a click to the first row of its answer; ms. */
async function look(browser: Browser, setup: Setup, base: string, { path, on, answer }: Click): Promise<number> {
  const visitor = await Visitor.come(browser, base, { link: (await setup.api.consoleLink()).url });
  await visitor.go(path);
  const link = on(visitor.page);
  await link.waitFor();
  await visitor.settled();
  const began = performance.now();
  await link.click();
  await answer(visitor.page).waitFor();
  const took = performance.now() - began;
  await visitor.context.close();
  return took;
}

/** Runs a command to its end; ms. */
function ask(env: NodeJS.ProcessEnv, args: readonly string[]): number {
  const began = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { env, encoding: 'utf8' });
  const took = performance.now() - began;
  if (status !== 0 || stdout === '') throw new Error(`vslog ${args.join(' ')} ended with ${String(status)}: ${stderr}`);
  return took;
}
