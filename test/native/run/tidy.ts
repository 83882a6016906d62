import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { z } from 'zod';
import { each, run } from './command.js';
import { ASAN, LOGS, ROOT, say, TIDY } from './place.js';
import type { Case } from './results.js';

const DATABASE = z.array(z.object({ directory: z.string(), command: z.string(), file: z.string() }));
/** Age at which an entry of the cache that no run has used is removed, ms. */
const UNUSED_MS = 60 * 24 * 3600 * 1000;

/** One file of native/, and how it is compiled. */
interface Source {
  /** Path relative to the checkout. */
  readonly path: string;
  readonly directory: string;
  readonly args: readonly string[];
}

/**
 * Has clang-tidy look at every file of native/. A file that passed is not looked at again until it, a header of ours that it includes, its flags, the rules or clang-tidy
 * change. That is remembered by contents, for every checkout of the user.
 */
export async function tidy(): Promise<Case[]> {
  const sources = readSources();
  const [rules, version] = [readFileSync(join(ROOT, '.clang-tidy'), 'utf8'), await versionOf('clang-tidy')];
  mkdirSync(TIDY, { recursive: true });
  removeUnused();
  let looked = 0;
  const cases = await each(sources, async (source): Promise<Case> => {
    const began = performance.now();
    const key = hash([version, rules, source.path, read(source.path), ...source.args.map((arg) => arg.replaceAll(ROOT, '.'))]);
    if (hasPassed(key)) return { group: 'clang-tidy', name: source.path, seconds: 0 };
    looked++;
    const complaints = await look(source);
    const seconds = (performance.now() - began) / 1000;
    if (complaints !== undefined) return { group: 'clang-tidy', name: source.path, seconds, failure: complaints };
    remember(key, await headersOf(source));
    return { group: 'clang-tidy', name: source.path, seconds };
  });
  say(`clang-tidy looked at ${looked} of ${sources.length} files`);
  return [...cases, foldersCase(rules)];
}

/** All of native/ that is compiled; throws when a file is not. */
function readSources(): Source[] {
  const database = DATABASE.parse(JSON.parse(readFileSync(join(ASAN, 'compile_commands.json'), 'utf8')));
  const commands = new Map(database.map(({ file, directory, command }) => [relative(ROOT, file), { directory, args: words(command) }]));
  const files = readdirSync(join(ROOT, 'native'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.cc'));
  // Stands in for another file where a library is missing.
  const standIns = /_missing\.cc$/;
  return files
    .filter((name) => !standIns.test(name))
    .sort()
    .map((name) => {
      const path = `native/${name}`;
      const command = commands.get(path);
      if (command === undefined) throw new Error(`${path} is compiled by no target of native/CMakeLists.txt.`);
      return { path, ...command };
    });
}

/** Runs clang-tidy; returns what it complains of. */
async function look(source: Source): Promise<string | undefined> {
  const log = join(LOGS, `native-tidy-${source.path.replaceAll('/', '_')}.log`);
  const { trouble } = await run(['clang-tidy', '--quiet', '-p', ASAN, '--warnings-as-errors=*', join(ROOT, source.path)], {
    cwd: ROOT,
    log,
  });
  const said = readFileSync(log, 'utf8');
  rmSync(log);
  if (trouble === undefined) return undefined;
  const lines = said.split('\n').filter((line) => !/warnings? (generated|treated)|^Suppressed|^Use -header-filter/.test(line));
  return lines.join('\n').replaceAll(`${ROOT}/`, '').trim() || `clang-tidy ended with ${trouble}.`;
}

/** Headers of this checkout that a file includes, the generated ones among them. */
async function headersOf({ path, directory, args }: Source): Promise<string[]> {
  const log = join(LOGS, `native-headers-${path.replaceAll('/', '_')}.log`);
  const { trouble } = await run([...args, '-M'], { cwd: directory, log });
  const said = readFileSync(log, 'utf8');
  rmSync(log);
  if (trouble !== undefined) throw new Error(`The headers of ${path} cannot be listed: ${said}`);
  const names = said
    .slice(said.indexOf(':') + 1)
    .replaceAll('\\\n', ' ')
    .split(/\s+/);
  return names
    .filter((name) => name !== '')
    .map((name) => relative(ROOT, resolve(directory, name)))
    .filter((name) => !name.startsWith('..') && name !== path)
    .sort();
}

// The cache: a list of headers by the key of what includes them, and an empty file by the key of all contents.

function hasPassed(key: string): boolean {
  const list = join(TIDY, `${key}.headers`);
  if (!existsSync(list)) return false;
  const passed = join(TIDY, `${wholeKey(key, linesOf(readFileSync(list, 'utf8')))}.passed`);
  if (!existsSync(passed)) return false;
  const now = new Date();
  for (const file of [list, passed]) utimesSync(file, now, now);
  return true;
}

function remember(key: string, headers: readonly string[]): void {
  writeFileSync(join(TIDY, `${key}.headers`), headers.join('\n'));
  writeFileSync(join(TIDY, `${wholeKey(key, headers)}.passed`), '');
}

function wholeKey(key: string, headers: readonly string[]): string {
  return hash([key, ...headers.flatMap((name) => [name, existsSync(join(ROOT, name)) ? read(name) : ''])]);
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

function removeUnused(): void {
  for (const name of readdirSync(TIDY)) {
    // time: an age of files in a cache, no wait
    if (Date.now() - statSync(join(TIDY, name)).mtimeMs > UNUSED_MS) rmSync(join(TIDY, name), { force: true });
  }
}

/** Complaints about headers are kept to the folders that .clang-tidy names: it must name every one. */
function foldersCase(rules: string): Case {
  const filter = new RegExp(/^HeaderFilterRegex: "(.*)"$/m.exec(rules)?.[1] ?? '^$');
  const folders = readdirSync(join(ROOT, 'native'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const left = folders.filter(({ name }) => !filter.test(`/native/${name}/a.h`)).map(({ name }) => `native/${name}`);
  const failure = left.length === 0 ? undefined : `HeaderFilterRegex of .clang-tidy leaves out ${left.join(', ')}.`;
  return { group: 'clang-tidy', name: 'folders', seconds: 0, failure };
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

function hash(parts: readonly string[]): string {
  const sum = createHash('sha256');
  for (const part of parts) sum.update(`${part.length}:`).update(part);
  return sum.digest('hex');
}

async function versionOf(program: string): Promise<string> {
  const log = join(LOGS, `native-${program}-version.log`);
  await run([program, '--version'], { cwd: ROOT, log }).catch(() => {
    throw new Error(`${program} is missing. Run npm run setup -- --tests.`);
  });
  return readFileSync(log, 'utf8');
}

/** The words of a command as a shell takes them: quotes, and backslashes before what they quote. */
export function words(command: string): string[] {
  const found = command.match(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/g) ?? [];
  return found.map((word) =>
    word.replace(
      /\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'/g,
      (_, quoted?: string, double?: string, single?: string) => quoted ?? single ?? (double ?? '').replace(/\\(["\\$`])/g, '$1'),
    ),
  );
}
