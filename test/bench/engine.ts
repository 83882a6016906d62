import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Program } from './processes.js';
import { ROOT } from './setup.js';

const BENCH = join(ROOT, 'build/native/bench/engine-bench');

export interface EngineOptions {
  /** Entries in the table while memory is measured. */
  readonly entries: number;
  /** Births with their ends that are measured, and five times as many packets. */
  readonly births: number;
}

/** The engine alone, on one core: packets of a connection that is there, births with their ends, memory. */
export async function engine(options: EngineOptions, say: (line: string) => void): Promise<Record<string, unknown>> {
  if (!existsSync(BENCH)) throw new Error(`${BENCH} is not built: run \`npm run build\``);
  say(`${options.entries} entries, and ${options.births} births and ends`);
  const program = new Program(BENCH, [String(options.entries), String(options.births)]);
  const [line] = await program.saying(/^\{.*\}$/m);
  return JSON.parse(line) as Record<string, unknown>;
}
