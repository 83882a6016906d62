// Takes the pictures of docs/images anew: npx tsx test/browser/screenshots.ts. A balancer with made-up load, one server of it quiesced, one knob set.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { Exit } from '../../src/cli/exit-codes.js';
import { collectorOf } from '../e2e/collector-api.js';
import { Vslog } from '../e2e/support/vslog.js';
import { pause } from '../support/patience.js';
import { freePort } from '../support/ports.js';
import { openBrowser, Visitor } from './browser.js';

/** So long is recorded before the first picture: charts have something to show. */
const RECORDED_MS = 100_000;
const FOLDER = join(import.meta.dirname, '../../docs/images');
const SERVER = '198.51.100.24:443';
/** What the log says of who changed something: as an installed vslog is called, not where this checkout lies. */
const TITLE = "data:text/javascript,process.title=['vslog',...process.argv.slice(2)].join('%20')";

interface Picture {
  readonly name: string;
  /** SHOWN in it becomes the time of the first picture. */
  readonly path: string;
  readonly dark?: boolean;
  readonly width?: number;
  readonly height: number;
  /** How long it is looked at: live charts begin with the page. */
  readonly seconds: number;
  /** What is done after so many seconds of that. */
  readonly act?: { readonly after: number; readonly run: (page: Page) => Promise<unknown> };
}

/** Runs vslog. */
async function done(...args: string[]): Promise<void> {
  const { code, out, err } = await vslog.ran(...args);
  if (code !== 0 && code !== Exit.draining) throw new Error(`vslog ${args.join(' ')}: ${code} ${out}${err}`);
}

const PICTURES: readonly Picture[] = [
  { name: 'overview', path: '/overview', height: 900, seconds: 50, act: { after: 25, run: () => done('knob', 'expire-nodest-conn', '1') } },
  {
    ...{ name: 'services', path: '/services', dark: true, height: 760, seconds: 50 },
    act: { after: 35, run: () => done('rs', 'drain', SERVER, '--no-watch') },
  },
  { name: 'drains', path: '/drains', height: 560, seconds: 10 },
  {
    name: 'phone',
    path: '/services',
    dark: true,
    width: 360,
    height: 700,
    seconds: 20,
    act: { after: 5, run: () => done('knob', 'expire-quiescent-template', '1') },
  },
  { name: 'connections', path: '/connections?since=15m', height: 900, seconds: 4 },
  { name: 'reports', path: '/reports/reasons?since=1h&by=rs', height: 900, seconds: 3 },
  { name: 'changes', path: '/changes?since=SHOWN', width: 1500, height: 360, seconds: 3 },
  { name: 'knobs', path: '/knobs', height: 700, seconds: 3 },
  {
    ...{ name: 'sql', path: '/sql', height: 800, seconds: 4 },
    act: { after: 1, run: (page) => page.getByRole('button', { name: 'Run' }).click() },
  },
  { name: 'completeness', path: '/health', height: 460, seconds: 4 },
];

process.env.NODE_OPTIONS = `--import=${TITLE}`;
const vslog = new Vslog();
const api = collectorOf(vslog);
const browser = await openBrowser();
try {
  const port = await freePort();
  const tokens = vslog.secret('tokens', 'alice a-token-for-pictures\n');
  const load = ['--load', '--load-rate', '40', '--load-concurrent', '2000'];
  const asked = ['--console-listen', `127.0.0.1:${port}`, '--console-token-file', tokens];
  const up = vslog.up('--source', 'engine', '--node', 'director-1', ...load, ...asked);
  await up.says(/ready: source/);
  await pause(RECORDED_MS, 'a history for the charts to show');
  const shown = new Date().toISOString().slice(0, 19);
  mkdirSync(FOLDER, { recursive: true });
  for (const { name, path, dark = false, width = 1200, height, seconds, act } of PICTURES) {
    const visitor = await Visitor.come(browser, `http://127.0.0.1:${port}`, { dark, width, link: (await api.consoleLink()).url });
    await visitor.page.setViewportSize({ width, height });
    await visitor.go(path.replace('SHOWN', shown));
    await visitor.settled();
    const after = act?.after ?? 0;
    await pause(after * 1000, 'live charts begin with the page');
    await act?.run(visitor.page);
    await pause((seconds - after) * 1000, 'what was done shows in the picture');
    await visitor.page.screenshot({ path: join(FOLDER, `${name}.png`) });
    console.log(`docs/images/${name}.png`);
    await visitor.context.close();
  }
  await up.end();
} finally {
  await browser.close();
  vslog.clean();
}
