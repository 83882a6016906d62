import { spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { ApiClient } from '../api/client.js';
import { type AnswerOptions, addAnswerOptions, writeObject } from './json-output.js';
import { addConfigOptions, configOf } from './options.js';
import { write } from './output.js';

const EXAMPLES = `
The link lets one browser in, for a day's work; it looks, and changes nothing. Who may ask for one: the collector's user, and members of collector.read_group.
It is opened here where there is a display and standard output is a terminal. From another machine: log in by ssh -L 9488:127.0.0.1:9488 HOST, and open the link in a browser over there.

Examples:
  vslog console
  vslog console --no-open
  vslog console --json | jq -r .url`;

interface Flags extends AnswerOptions {
  readonly open: boolean;
}

/** `vslog console`: a link that opens the console once. */
export function consoleCommand(): Command {
  const command = new Command('console')
    .description('Open the web console: print a link that works once.')
    .option('--no-open', 'print the link only')
    .addHelpText('after', EXAMPLES);
  addConfigOptions(addAnswerOptions(command, 'object'), 'console');
  return command.action(async ({ open, output }: Flags) => {
    const link = await new ApiClient(configOf(command, 'console').values['collector.api_socket']).consoleLink();
    if (output !== 'text') return writeObject(output, link);
    await write(`${link.url}\nIt works once, within ${link.seconds} s.\n`);
    const page = open && process.stdout.isTTY === true ? openingPage(process.env) : undefined;
    if (page !== undefined) show(page, link.url);
  });
}

/** Where the page lies that leads the browser of this display to the link; undefined: there is no display, or no folder of the user's own. */
export function openingPage({ DISPLAY, WAYLAND_DISPLAY, XDG_RUNTIME_DIR }: NodeJS.ProcessEnv): string | undefined {
  const display = (DISPLAY ?? '') !== '' || (WAYLAND_DISPLAY ?? '') !== '';
  return display && XDG_RUNTIME_DIR !== undefined && XDG_RUNTIME_DIR !== '' ? join(XDG_RUNTIME_DIR, 'vslog-console.html') : undefined;
}

/** Everybody may read the command line of a browser: so it is given a file of ours that leads to the link. */
function show(page: string, url: string): void {
  rmSync(page, { force: true });
  writeFileSync(page, `<!doctype html><meta http-equiv="refresh" content="0;url=${url}"><title>vslog</title>\n`, {
    mode: 0o600,
    flag: 'wx',
  });
  const browser = spawn('xdg-open', [page], { stdio: 'ignore', detached: true });
  // There is none: the link was printed.
  browser.on('error', () => undefined);
  browser.unref();
}
