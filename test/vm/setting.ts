import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
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

/** Compiles the program that makes the scenarios' connections. */
function buildFlows(): string {
  const source = join(HERE, 'flows/flows.cc');
  const program = join(CACHE, 'flows');
  if (!existsSync(program) || statSync(program).mtimeMs < statSync(source).mtimeMs) {
    mkdirSync(CACHE, { recursive: true });
    execFileSync('g++', ['-std=c++20', '-O1', '-Wall', '-Wextra', '-Werror', source, '-o', program], { stdio: 'inherit' });
  }
  return program;
}

/** What every test machine holds beside the system: the shipped capture and the maker of connections. */
export function defaultFiles(): GuestFile[] {
  const capture = join(ROOT, 'build/native/vslog-capture');
  const files = [guestProgram(buildFlows())];
  if (!existsSync(capture)) throw new Error(`${capture} is not built: run \`npm run setup\``);
  files.push(guestProgram(capture));
  return files;
}
