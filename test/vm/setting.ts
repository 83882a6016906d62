import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DOWNLOADS } from '../support/downloads.js';
import { type GuestFile, guestProgram } from './image.js';

const HERE = dirname(fileURLToPath(import.meta.url));
export const ROOT = resolve(HERE, '../..');
/** Images, console logs and compiled helpers of the test machines. */
export const CACHE = join(ROOT, '.cache/vm');

/** The unpacked kernels that scripts/fetch-kernels.sh keeps. */
export function defaultKernels(): string[] {
  const folders = ['6.1', '6.12'].map((line) => join(DOWNLOADS, 'kernels', line));
  const missing = folders.filter((folder) => !existsSync(folder));
  if (missing.length > 0) throw new Error(`no kernel at ${missing.join(', ')}: run \`bash scripts/fetch-kernels.sh\``);
  return folders;
}

/** Compiles the program through which the host acts in the guest. */
function buildHand(): string {
  const folder = join(HERE, 'guest');
  const parts = readdirSync(folder).filter((name) => /\.(cc|h)$/.test(name));
  const program = join(CACHE, 'hand');
  const newest = Math.max(...parts.map((name) => statSync(join(folder, name)).mtimeMs));
  if (!existsSync(program) || statSync(program).mtimeMs < newest) {
    mkdirSync(CACHE, { recursive: true });
    const sources = parts.filter((name) => name.endsWith('.cc'));
    // Static: an emulated machine takes ten times as long to load a library as the real one.
    const flags = ['-std=c++20', '-O2', '-static', '-pthread', '-Wall', '-Wextra', '-Werror'];
    execFileSync('g++', [...flags, ...sources, '-o', program], { cwd: folder, stdio: 'inherit' });
  }
  return program;
}

/** What every test machine holds beside the system: the shipped capture and the host's hand. */
export function defaultFiles(): GuestFile[] {
  const capture = join(ROOT, 'build/native/vslog-capture');
  const files = [guestProgram(buildHand())];
  if (!existsSync(capture)) throw new Error(`${capture} is not built: run \`npm run setup\``);
  files.push(guestProgram(capture));
  return files;
}
