import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { until } from '../support/patience.js';
import { freePort } from '../support/ports.js';
import { Vslog } from './support/vslog.js';

let vslog: Vslog | undefined;
afterEach(() => vslog?.clean());

const LINK = /http:\/\/127\.0\.0\.1:\d+\/enter\/[\w-]{43}/;
const follow = (url: string): Promise<Response> => fetch(url, { redirect: 'manual' });

it('up prints a link to the console, and vslog console another', async () => {
  vslog = new Vslog();
  const up = vslog.up('--source', 'scripted', '--store', 'none', '--console-listen', `127.0.0.1:${await freePort()}`);
  const [, url = ''] = await up.says(
    new RegExp(`Console: (${LINK.source})\n {2}It works once, within 10 min; ".*console" prints another\\.`),
  );
  await up.says(/capture: ready/);
  const came = await follow(url);
  expect([came.status, came.headers.get('location')]).toEqual([303, '/']);
  const cookie = came.headers.get('set-cookie')?.split(';')[0] ?? '';
  expect((await fetch(new URL('/api/status', url), { headers: { cookie } })).status).toBe(200);
  expect((await follow(url)).status).toBe(401);

  const { code, out, err } = await vslog.ran('console');
  expect({ code, err, out }).toEqual({
    code: 0,
    err: '',
    out: expect.stringMatching(new RegExp(`^${LINK.source}\nIt works once, within 60 s\\.\n$`)),
  });
  expect((await follow(LINK.exec(out)?.[0] ?? '')).status).toBe(303);
  expect(await up.end()).toBe(0);
});

it('says so where there is no console', async () => {
  vslog = new Vslog();
  const collector = vslog.start('collect', '--store', 'none');
  await collector.says(/ready: /);
  expect(collector.said).not.toContain('token');
  expect(await vslog.ran('console')).toEqual({
    code: 1,
    out: '',
    err: 'vslog: The collector serves no console: console.listen is empty, or its address was taken when the collector started.\n',
  });
  expect(await collector.end()).toBe(0);
});

it('opens the link where there is a display, and shows it to nobody else', async () => {
  const display = new Vslog();
  vslog = display;
  const [bin, own, given] = [join(display.dir, 'bin'), join(display.dir, 'own'), join(display.dir, 'own/given')];
  for (const folder of [bin, own]) {
    mkdirSync(folder);
    // Whoever runs it here writes there.
    chmodSync(folder, 0o777);
  }
  writeFileSync(join(bin, 'xdg-open'), `#!/bin/sh\necho "$@" > ${given}\n`, { mode: 0o755 });
  chmodSync(join(bin, 'xdg-open'), 0o755);
  const seen = display.with({ DISPLAY: ':99', XDG_RUNTIME_DIR: own, PATH: `${bin}:${process.env.PATH}` });
  const collector = display.start('collect', '--store', 'none', '--console-listen', `127.0.0.1:${await freePort()}`);
  await collector.says(/ready: /);
  // Not where nobody looks.
  expect((await seen.ran('console')).code).toBe(0);
  const quiet = seen.terminal('console', '--no-open');
  await quiet.shows(LINK);
  expect(await quiet.ended).toBe(0);
  expect(existsSync(given)).toBe(false);

  const terminal = seen.terminal('console');
  await terminal.shows(LINK);
  const asked = await until('a browser', () => existsSync(given) && readFileSync(given, 'utf8'));
  const page = join(own, 'vslog-console.html');
  expect(asked).toBe(`${page}\n`);
  expect((statSync(page).mode & 0o777).toString(8)).toBe('600');
  const url = LINK.exec(readFileSync(page, 'utf8'))?.[0] ?? '';
  expect(terminal.said).toContain(url);
  expect((await follow(url)).status).toBe(303);
  expect(await collector.end()).toBe(0);
});
