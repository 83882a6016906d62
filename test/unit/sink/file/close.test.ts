import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { closeFiles } from '../../../../src/sink/file/close.js';
import { withDirectory } from '../../support/temporary.js';

const FILES = [
  'conn-20260101T000000.000Z-000000000042.jsonl.gz',
  'control-20260101T000000.000Z-000000000043.jsonl.gz.part',
  '.vslog/state.json',
];

function earlier(dir: string, mode: number): void {
  mkdirSync(join(dir, '.vslog'), { recursive: true });
  for (const name of FILES) {
    writeFileSync(join(dir, name), '');
    chmodSync(join(dir, name), 0o644);
  }
  for (const folder of [join(dir, '.vslog'), dir]) chmodSync(folder, mode);
}

const modesOf = (dir: string): string[] => ['', '.vslog', ...FILES].map((name) => (statSync(join(dir, name)).mode & 0o777).toString(8));

it.each([
  ['as it was made', 0o755, 0o700],
  ['open to everybody', 0o777, 0o700],
  ['from which a group takes files', 0o775, 0o770],
])('closes a folder %s', (_name, before, after) =>
  withDirectory(async (at) => {
    const dir = join(at, 'files');
    earlier(dir, before);
    expect(closeFiles(dir).join()).toContain('that was mended');
    expect(modesOf(dir)).toEqual([after.toString(8), '700', '600', '600', '600']);
    expect(closeFiles(dir)).toEqual([]);
  }),
);

it('closes only its own files in a folder that has others', () =>
  withDirectory(async (at) => {
    const dir = join(at, 'files');
    earlier(dir, 0o755);
    writeFileSync(join(dir, 'other'), '');
    chmodSync(join(dir, 'other'), 0o644);
    closeFiles(dir);
    expect([...modesOf(dir), (statSync(join(dir, 'other')).mode & 0o777).toString(8)]).toEqual(['755', '700', '600', '600', '600', '644']);
  }));

it('has nothing to do where there is nothing', () => expect(closeFiles('/nonexistent/files')).toEqual([]));
