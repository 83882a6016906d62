import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LIST_FORMATS } from '../../src/cli/listing.js';
import { keysOf } from '../../src/cli/options.js';
import { optionOf } from '../../src/config/schema.js';
import { hasOption, listCommands } from '../support/list-commands.js';
import { SmallBalancer } from './support/small-balancer.js';
import { pointAt, within } from './support/within.js';

/** Every option of every command that lists, asked for in every form of its output. */

const balancer = new SmallBalancer();

beforeAll(async () => {
  await balancer.start();
  pointAt(balancer.vslog);
  await within('key', 'rotate', '--client-key', join(balancer.vslog.dir, 'client.key'));
});
afterAll(() => balancer.stop());

const lists = await listCommands();

/** What a command cannot do without. */
const needed = (path: string): readonly string[] => {
  if (path === 'report rs') return ['--rs', '127.0.0.1'];
  return path === 'key ls' ? ['--client-key', join(balancer.vslog.dir, 'client.key')] : [];
};

/** Options that are of the list itself, or of all commands; the others stand in VALUES. */
const SHAPE = new Set(['--output', '--json', '--columns', '--no-headers', '--limit', '--tz', '--utc']);
const CONFIGURED = new Set([
  '--config',
  ...(['conn', 'sql', 'sink', 'key'] as const).flatMap(keysOf).map((key) => `--${optionOf(key).flag}`),
]);
/** Options that make another answer, not another form of the list. */
const OTHER = new Set(['--plot', '--no-plot', '--ascii', '--sql', '--watch', '--other-socket', '--netns']);

/** A value for each option that narrows a list; a command with one that is not here fails. Flags without a value: []. */
const VALUES: Readonly<Record<string, () => readonly string[]>> = {
  '--client': () => ['127.0.0.1'],
  '--vs': () => [balancer.service],
  '--rs': () => [balancer.real],
  '--real': () => [balancer.real],
  '--protocol': () => ['tcp'],
  '--fwmark': () => ['7'],
  '--state': () => ['ESTABLISHED'],
  '--template': () => [],
  '--no-template': () => [],
  '--older-than': () => ['0s'],
  '--idle': () => ['0s'],
  '--quiesced': () => [],
  '--since': () => ['2h'],
  '--until': () => ['now'],
  '--node': () => ['elsewhere'],
  '--outcome': () => ['closed'],
  '--name': () => ['real_weight'],
  '--by': () => [],
  '--of': () => [],
  '--within': () => ['10'],
  '--group': () => ['timeouts'],
  '--changed': () => [],
};

type Form = (typeof LIST_FORMATS)[number];

/** How many rows an answer has in that form, which was asked for without titles. */
function rowsIn(form: Form, answer: string): number {
  const lines = answer.split(/\r?\n/).filter((line) => line !== '');
  if (form === 'json') return (JSON.parse(answer) as unknown[]).length;
  if (form === 'vertical') return Number(/^(\d+) [^\n]*\n$/m.exec(answer.slice(answer.lastIndexOf('\n', answer.length - 2) + 1))?.[1] ?? 0);
  // No row for people is a sentence.
  if ((form === 'table' || form === 'wide') && lines.length === 1 && /\.$|^no |^nothing differs$/.test(lines[0] ?? '')) return 0;
  return lines.length;
}

describe('there are', () => {
  it('commands that list', () => expect(lists.length).toBeGreaterThan(18));
});

describe.each(lists.map(({ path, command }) => ({ name: path, path: path.split(' '), command })))(
  'vslog $name',
  ({ name, path, command }) => {
    const ask = (form: Form, ...more: readonly string[]): Promise<string> => within(...path, ...needed(name), ...more, '-o', form);
    const objects = async (...more: readonly string[]): Promise<Record<string, unknown>[]> =>
      JSON.parse(await ask('json', ...more)) as Record<string, unknown>[];
    const limited = hasOption(command, '--limit');

    it('has as many rows in every form', async () => {
      const all = (await objects(...(limited ? ['--limit', '500'] : []))).length;
      for (const form of LIST_FORMATS) {
        expect(rowsIn(form, await ask(form, '--no-headers', ...(limited ? ['--limit', '500'] : []))), form).toBe(all);
        if (limited) expect(rowsIn(form, await ask(form, '--no-headers', '--limit', '1')), `${form} --limit 1`).toBe(Math.min(1, all));
      }
      // --json is -o json.
      const json = await within(...path, ...needed(name), ...(limited ? ['--limit', '1'] : []), '--json');
      expect(rowsIn('json', json)).toBe(limited ? Math.min(1, all) : all);
    });

    it('--columns chooses in every form, and is checked in every form', async () => {
      for (const form of LIST_FORMATS) {
        const refusal = await ask(form, '--columns', 'nonsense').catch((error: unknown) => String(error));
        expect(refusal, form).toMatch(/--columns has "nonsense", which is no column: there are /);
      }
      const [, known = ''] =
        /there are ([\w, ]+)/.exec(await ask('json', '--columns', 'nonsense').catch((error: unknown) => String(error))) ?? [];
      const names = known.split(', ');
      const [first = '', last = ''] = [names[0], names.at(-1)];
      const chosen = [last, first];
      const rows = await objects();
      // Every column of a list is a field of its documents.
      for (const row of rows) expect(Object.keys(row)).toEqual(expect.arrayContaining(names));
      for (const row of await objects('--columns', chosen.join(','))) expect(Object.keys(row)).toEqual([...new Set(chosen)]);
      const [line = ''] = (await ask('jsonl', '--columns', chosen.join(','))).split('\n');
      if (line !== '') expect(Object.keys(JSON.parse(line) as object)).toEqual([...new Set(chosen)]);
      expect((await ask('csv', '--columns', chosen.join(','))).split('\r\n')[0]).toBe(chosen.join(','));
      expect((await ask('tsv', '--columns', chosen.join(','))).split('\n')[0]).toBe(chosen.join('\t'));
      if (rows.length === 0) return;
      for (const form of ['table', 'wide'] as const)
        expect((await ask(form, '--columns', first)).split('\n')[0], form).not.toMatch(/\S {2,}\S/);
      expect((await ask('vertical', '--columns', first)).split('\n\n')[0]?.trimEnd().split('\n')).toHaveLength(1);
    });

    it('--no-headers leaves the titles out, where there are titles', async () => {
      if ((await objects()).length === 0) return;
      for (const form of ['table', 'wide', 'csv', 'tsv'] as const) {
        const [title, ...rows] = (await ask(form)).split('\n');
        const without = (await ask(form, '--no-headers')).split('\n');
        expect(without[0], form).not.toBe(title);
        expect(without.filter((line) => line.trim() !== '').length, form).toBeLessThanOrEqual(
          rows.filter((line) => line.trim() !== '').length,
        );
      }
    });

    it.each(
      command.options
        .map(({ long }) => long ?? '')
        .filter((flag) => !SHAPE.has(flag) && !CONFIGURED.has(flag) && !OTHER.has(flag))
        .map((flag) => ({ flag })),
    )('$flag narrows every form alike', async ({ flag }) => {
      const option = command.options.find(({ long }) => long === flag);
      expect(Object.keys(VALUES), 'VALUES of this test').toContain(flag);
      const value = option?.argChoices?.slice(0, 1) ?? VALUES[flag]?.() ?? [];
      const found = (await objects(flag, ...value)).length;
      for (const form of ['jsonl', 'csv', 'table'] as const)
        expect(rowsIn(form, await ask(form, flag, ...value, '--no-headers')), form).toBe(found);
    });
  },
);

describe('--utc and --tz', () => {
  it('are the zone of what people read, and change nothing for machines', async () => {
    const ask = (...more: readonly string[]): Promise<string> => within('report', 'who', ...more);
    const before = process.env.TZ;
    try {
      for (const form of ['table', 'wide', 'vertical'] as const) {
        expect(await ask('-o', form, '--tz', 'Asia/Tokyo'), form).toMatch(/from \(\+09:00\)/);
        expect(await ask('-o', form, '--utc'), form).toMatch(/from \(UTC\)/);
      }
      for (const form of ['json', 'jsonl', 'csv', 'tsv'] as const)
        expect(await ask('-o', form, '--until', '2099-01-01', '--tz', 'Asia/Tokyo'), form).toMatch(/\dT\d\d:\d\d:\d\d\.\d{3}Z/);
    } finally {
      process.env.TZ = before;
      if (before === undefined) delete process.env.TZ;
    }
  });
});
