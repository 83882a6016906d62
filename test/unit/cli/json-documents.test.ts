import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { program } from '../../../src/cli/program.js';
import { commandName, knobs } from '../../../src/knob/catalogue.js';
import { expectDocument, type Schema, schemas, validatorOf } from '../../support/documents.js';
import { hasOption, leavesOf } from '../../support/list-commands.js';

/** `knob KNOB` stands for the command of every knob. */
const knobCommands = new Set(knobs.map((knob) => `knob ${commandName(knob)}`));
const rowOf = (path: string): string => (knobCommands.has(path) ? 'knob KNOB' : path);

const leaves = leavesOf(await program());
const answering = leaves.filter(({ command }) => hasOption(command, '--json'));

/** The table of docs/json: which documents a command has. */
const table = new Map(
  [...readFileSync('docs/json/README.md', 'utf8').matchAll(/^\| `vslog ([^`]+)` \| (.*?) \|/gm)].map(([, command = '', cell = '']) => [
    command,
    [...cell.matchAll(/\]\(([a-z-]+)\.schema\.json\)/g)].map(([, name = '']) => name),
  ]),
);

describe('docs/json', () => {
  it.each(answering)('has the documents of vslog $path', ({ path }) => {
    expect(table.get(rowOf(path))?.length ?? 0).toBeGreaterThan(0);
  });

  it('names no command without --json', () => {
    expect([...table.keys()].sort()).toEqual([...new Set(answering.map(({ path }) => rowOf(path)))].sort());
  });

  it('has a schema for each document that it names, and names each', () => {
    expect([...new Set([...table.values()].flat())].sort()).toEqual([...schemas.keys()].sort());
  });
});

/** Every schema within a schema, with its place. */
function* within(schema: Schema, at: string): Generator<{ readonly at: string; readonly schema: Schema }> {
  yield { at, schema };
  for (const word of ['properties', 'patternProperties', '$defs'])
    for (const [name, one] of Object.entries((schema[word] ?? {}) as Record<string, Schema>)) yield* within(one, `${at}/${name}`);
  for (const word of ['items', 'additionalProperties'])
    if (typeof schema[word] === 'object') yield* within(schema[word] as Schema, `${at}/${word}`);
}

describe.each([...schemas])('%s.schema.json', (name, schema) => {
  const all = [...within(schema, name)];

  it('is a schema', () => {
    expect(validatorOf(name)).toBeTypeOf('function');
  });

  it('says what everything is', () => {
    const mute = all.filter(({ schema: one }) => one.$ref === undefined && String(one.description ?? '') === '');
    expect(mute.map(({ at }) => at)).toEqual([]);
  });

  it('lets no field in that it does not name', () => {
    const open = all.filter(({ schema: one }) => one.properties !== undefined && one.additionalProperties !== false);
    expect(open.map(({ at }) => at)).toEqual([]);
  });
});

describe('a document', () => {
  const finding = { name: 'kernel', state: 'ok', found: '6.12', advice: '' };
  it('is one with all its fields, of their types, and no other', () => {
    expectDocument('finding', finding);
    for (const bad of [{ ...finding, more: 1 }, { ...finding, name: 7 }, { ...finding, state: 'good' }, { name: 'kernel' }])
      expect(() => expectDocument('finding', bad)).toThrow(/finding/);
  });
});

describe('every command that writes JSON', () => {
  it.each(answering)('vslog $path writes an array or object as well as lines', ({ path, command }) => {
    const form = command.options.find(({ long }) => long === (path === 'sql' ? '--format' : '--output'));
    if (path !== 'sql') expect(form?.argChoices).toEqual(expect.arrayContaining(['json', 'jsonl']));
    else expect(form).toBeDefined();
  });
});
