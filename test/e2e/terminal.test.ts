import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { widthOf } from '../../src/text/table.js';
import { listCommands } from '../support/list-commands.js';
import { until } from '../support/patience.js';
import { collectorOf, rowsOf } from './collector-api.js';
import { Vslog } from './support/vslog.js';

/** What a list must be asked with. */
const ARGUMENTS: Readonly<Record<string, readonly string[]>> = { 'report rs': ['--rs', '127.0.0.1'] };

const commands = (await listCommands()).map(({ path }) => path);

describe('a list of a running balancer', () => {
  const vslog = new Vslog().with({ PAGER: '' });

  beforeAll(async () => {
    const up = vslog.up();
    await up.says(/ready: /);
    const api = collectorOf(vslog);
    // Some have come, and gone; and somebody has changed something, with a long command line.
    await until('an ended connection', async () => (await rowsOf(api, "SELECT 1 FROM connections WHERE outcome != 'open' LIMIT 1"))[0]);
    expect(vslog.run('knob', 'set', 'expire_nodest_conn=1', 'expire_quiescent_template=1')).toMatchObject({
      code: 0,
    });
    await until('the change', async () => (await rowsOf(api, "SELECT 1 FROM control_events WHERE name = 'expire_nodest_conn'"))[0]);
  });
  afterAll(() => vslog.clean());

  it.each(commands)('is not wider than a terminal of 80 columns, nor framed in a pipe: %s', async (command) => {
    const words = [...command.split(' '), ...(ARGUMENTS[command] ?? [])];
    if (command === 'key ls') words.push('--client-key', vslog.secret('client.key', `${'5f'.repeat(16)}\n`));
    const shell = vslog.terminalOf(80, ...words);
    // It finds something.
    const wanted = command === 'knob diff' ? 1 : 0;
    expect(await shell.ended, shell.said).toBe(wanted);
    const lines = shell.said.split('\r\n');
    expect(lines.length).toBeGreaterThan(1);
    for (const line of lines) expect(widthOf(line), line).toBeLessThanOrEqual(80);
    const { code, out } = await vslog.ran(...words);
    expect(code).toBe(wanted);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be there.
    expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f]|[─│┌┐└┘├┤┼═║]/);
  });
});
