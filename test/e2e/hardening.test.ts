import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { COMMAND_MS } from '../support/patience.js';
import { Elf, PF, PT } from './support/elf.js';

const CAPTURE = join(import.meta.dirname, '../../build/native/vslog-capture');
const dir = mkdtempSync(join(tmpdir(), 'vslog-elf-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A file of the toolchain that is linked into every program. */
function startFile(name: string): Elf {
  const { stdout, error } = spawnSync('g++', [`-print-file-name=${name}`], { encoding: 'utf8', timeout: COMMAND_MS });
  if (error !== undefined) throw error;
  return new Elf(readFileSync(stdout.trim()));
}

/** What the capture is built to be; docs/development.md, "Build". */
function shortcomings(elf: Elf): string[] {
  const segments = (type: number) => elf.segments.filter((one) => one.type === type);
  const holds: Readonly<Record<string, boolean>> = {
    'a position-independent program': elf.isShared && elf.isProgram,
    GNU_RELRO: segments(PT.relro).length === 1,
    BIND_NOW: elf.bindsNow,
    'a stack that is not executable':
      segments(PT.stack).length === 1 && segments(PT.stack).every(({ flags }) => (flags & PF.execute) === 0),
    'no segment that is written and executed': elf.segments.every(
      ({ flags }) => (flags & (PF.write | PF.execute)) !== (PF.write | PF.execute),
    ),
    'no relocations in the code': !elf.hasTextRelocations,
    'stack canaries': elf.symbols.has('__stack_chk_fail'),
    'checked copies': elf.symbols.has('__memcpy_chk') || elf.symbols.has('__snprintf_chk') || elf.symbols.has('__vsnprintf_chk'),
  };
  return Object.entries(holds).flatMap(([name, good]) => (good ? [] : [name]));
}

describe('vslog-capture as it is built', () => {
  const elf = new Elf(readFileSync(CAPTURE));

  it('is what makes a mistake in memory hard to use', () => {
    expect(shortcomings(elf)).toEqual([]);
  });

  // The linker leaves the mark only where every file that it takes in has it, the C library's own among them.
  it('has indirect jumps and returns guarded where the toolchain’s own files are', () => {
    const files = ['Scrt1.o', 'crti.o', 'crtbeginS.o', 'crtendS.o', 'crtn.o'].map(startFile);
    const possible = files.reduce((all, { guards }) => all & guards, ~0) >>> 0;
    expect(elf.guards).toBe(possible);
    // Ours is marked in any case: more functions than the toolchain's few.
    expect(elf.landings).toBeGreaterThan(1000);
  });

  it('is found wanting where it is not that', () => {
    const path = join(dir, 'stack');
    copyFileSync(CAPTURE, path);
    const stack = elf.segments.find(({ type }) => type === PT.stack);
    const file = openSync(path, 'r+');
    writeSync(file, Uint8Array.of(PF.execute | PF.write | 4), 0, 1, stack?.flagsAt ?? 0);
    expect(shortcomings(new Elf(readFileSync(path)))).toEqual([
      'a stack that is not executable',
      'no segment that is written and executed',
    ]);
    const plain = join(dir, 'plain');
    const built = spawnSync(
      'g++',
      ['-x', 'c++', '-', '-o', plain, '-no-pie', '-fno-stack-protector', '-Wl,-z,lazy,-z,norelro,-z,execstack'],
      { input: 'int main() {}', encoding: 'utf8', timeout: COMMAND_MS },
    );
    expect(built).toMatchObject({ status: 0 });
    expect(shortcomings(new Elf(readFileSync(plain)))).toEqual([
      'a position-independent program',
      'GNU_RELRO',
      'BIND_NOW',
      'a stack that is not executable',
      'no segment that is written and executed',
      'stack canaries',
      'checked copies',
    ]);
  });
});
