// Takes the pictures of docs/images anew: npx tsx test/browser/screenshots.ts. A balancer with made-up load, one server of it quiesced, one knob set.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts, Vslog } from '../e2e/support/vslog.js';
import { openBrowser, Visitor } from './browser.js';

/** So long is recorded before the first picture: charts have something to show. */
const RECORDED_MS = 150_000;
const FOLDER = join(import.meta.dirname, '../../docs/images');
const SERVER = '198.51.100.24:443';

interface Picture {
  readonly name: string;
  readonly path: string;
  readonly dark?: boolean;
  readonly width?: number;
  readonly height: number;
  /** How long it is looked at first: live charts begin with the page. */
  readonly seconds: number;
}

const PICTURES: readonly Picture[] = [
  { name: 'overview', path: '/overview', height: 900, seconds: 70 },
  { name: 'services', path: '/services', dark: true, height: 760, seconds: 70 },
  { name: 'drains', path: '/drains', height: 560, seconds: 4 },
  { name: 'connections', path: '/connections?span=1h', height: 900, seconds: 4 },
  { name: 'knobs', path: '/knobs', height: 700, seconds: 3 },
  { name: 'phone', path: '/services', dark: true, width: 360, height: 700, seconds: 20 },
];

const vslog = new Vslog();
const browser = await openBrowser();
try {
  const [port = 0] = await freePorts(1);
  const tokens = join(vslog.dir, 'tokens');
  writeFileSync(tokens, 'alice a-token-for-pictures\n');
  chmodSync(tokens, 0o644);
  const load = ['--load', '--load-rate', '40', '--load-concurrent', '2000'];
  const up = vslog.up('--source', 'engine', ...load, '--console-listen', `127.0.0.1:${port}`, '--console-token-file', tokens);
  await up.says(/ready: source/);
  await sleep(RECORDED_MS);
  vslog.run('knob', 'expire-nodest-conn', '1');
  const drained = vslog.run('rs', 'drain', SERVER, '--no-watch');
  if (drained.code !== 0 && drained.code !== 4) console.error(drained.err);
  mkdirSync(FOLDER, { recursive: true });
  for (const { name, path, dark = false, width = 1200, height, seconds } of PICTURES) {
    const visitor = await Visitor.come(browser, `http://127.0.0.1:${port}`, { dark, width });
    await visitor.page.setViewportSize({ width, height });
    await visitor.go(path);
    await visitor.settled();
    await sleep(seconds * 1000);
    await visitor.page.screenshot({ path: join(FOLDER, `${name}.png`) });
    console.log(`docs/images/${name}.png`);
    await visitor.context.close();
  }
  await up.end();
} finally {
  await browser.close();
  vslog.clean();
}
