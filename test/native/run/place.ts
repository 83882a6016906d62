import { join, resolve } from 'node:path';
import { DOWNLOADS } from '../../support/downloads.js';

export const ROOT = resolve(import.meta.dirname, '../../..');
/** Folder of logs and reports. */
export const LOGS = join(ROOT, '.cache/test');
/** Kept for all checkouts of a user: inputs that the fuzz targets found, and what clang-tidy found nothing wrong with. */
export const CORPUS = join(DOWNLOADS, 'fuzz');
export const TIDY = join(DOWNLOADS, 'tidy');
/** Build folder with every test program, every fuzz target and compile_commands.json. */
export const ASAN = join(ROOT, 'build/native-asan');

export function say(line: string): void {
  process.stdout.write(`native: ${line}\n`);
}
