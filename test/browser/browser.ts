import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { until, WAIT_MS } from '../support/patience.js';

/** Debian's. */
const CHROMIUM = '/usr/bin/chromium';
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Fault {
  readonly id: string;
  readonly impact: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

export function openBrowser(): Promise<Browser> {
  // Root has no sandbox of its own to start; what is opened are our own pages.
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'], timeout: WAIT_MS });
}

/** How somebody comes to a page. */
export interface Manner {
  readonly dark?: boolean;
  readonly width?: number;
  readonly touch?: boolean;
  readonly timezone?: string;
  /** A link of `vslog console`, by which the browser is let in beforehand. */
  readonly link?: string;
}

/** A page that keeps what went wrong in it. */
export class Visitor {
  readonly page: Page;
  /** Errors of the console, uncaught ones, and requests to elsewhere. */
  readonly problems: string[] = [];
  private readonly base: string;

  private constructor(page: Page, base: string) {
    this.page = page;
    this.base = base;
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.problems.push(`${page.url()}: ${message.text()}`);
    });
    page.on('pageerror', (error) => this.problems.push(`${page.url()}: ${error.message}`));
    page.on('request', (request) => {
      if (!request.url().startsWith(base) && !request.url().startsWith('data:')) this.problems.push(`asked ${request.url()}`);
    });
  }

  static async come(browser: Browser, base: string, how: Manner = {}): Promise<Visitor & { readonly context: BrowserContext }> {
    const context = await browser.newContext({
      colorScheme: how.dark === true ? 'dark' : 'light',
      hasTouch: how.touch === true,
      ...(how.timezone === undefined ? {} : { timezoneId: how.timezone }),
      viewport: { width: how.width ?? 1280, height: 800 },
    });
    context.setDefaultTimeout(WAIT_MS);
    context.setDefaultNavigationTimeout(WAIT_MS);
    if (how.link !== undefined) await context.request.get(how.link);
    return Object.assign(new Visitor(await context.newPage(), base), { context });
  }

  async go(path: string): Promise<void> {
    await this.page.goto(this.base + path);
  }

  /** Goes to another page of ours as a link on the page does, which does not load it again. */
  async turn(path: string): Promise<void> {
    await this.page.evaluate(
      `history.pushState(null, '', ${JSON.stringify(path)}); dispatchEvent(new PopStateEvent('popstate')); new Promise(requestAnimationFrame)`,
    );
  }

  /** Resolves when nothing on the page is being asked for the first time any more. */
  async settled(): Promise<void> {
    // Not by waitForFunction(): that evaluates text in the page, which its policy forbids.
    await until('every answer', async () => (await this.page.getByText('Asking…').count()) === 0);
  }

  /**
   * Faults that keep somebody from using the page: https://github.com/dequelabs/axe-core/blob/develop/doc/API.md. `tag`: only those that rules with this tag find, such as
   * `cat.color`.
   */
  async faults(tag?: string): Promise<string[]> {
    // By evaluate(), not by a script element: the page's policy lets no other script in, and it must stay at work.
    if (!(await this.page.evaluate('"axe" in window'))) await this.page.evaluate(AXE);
    const options = { resultTypes: ['violations'], ...(tag === undefined ? {} : { runOnly: [tag] }) };
    const found = (await this.page.evaluate(`axe.run(document, ${JSON.stringify(options)})`)) as { readonly violations: readonly Fault[] };
    return found.violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(
        ({ id, help, nodes }) =>
          `${this.page.url()}: ${id}, ${help}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('; ')}`,
      );
  }

  /** So many pixels stand out at the right. */
  overflow(): Promise<number> {
    return this.page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth') as Promise<number>;
  }

  /** Nothing went wrong so far, but for what was expected to. */
  expectNoProblem(but?: RegExp): void {
    assert.deepEqual(
      this.problems.filter((problem) => but === undefined || !but.test(problem)),
      [],
    );
  }
}
