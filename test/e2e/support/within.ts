import { join } from 'node:path';
import { Failure } from '../../../src/cli/failure.js';
import { sqlArguments } from '../../../src/cli/help.js';
import { program } from '../../../src/cli/program.js';
import type { Vslog } from './vslog.js';

/** Lets commands that run within this process ask what a Vslog has started. */
export function pointAt(vslog: Vslog): void {
  process.env.VSLOG_CAPTURE_SOCKET = join(vslog.dir, 'capture.sock');
  process.env.VSLOG_COLLECTOR_API_SOCKET = join(vslog.dir, 'collector.sock');
  process.env.VSLOG_COLLECTOR_DATA_DIR = join(vslog.dir, 'data');
}

/**
 * Runs a command within this process, which is much faster than to start one for each, and resolves to what it wrote. A Failure without a sentence has said all in its
 * answer. Rejects as the command does.
 */
export async function within(...args: readonly string[]): Promise<string> {
  const { write } = process.stdout;
  let out = '';
  process.stdout.write = ((text: string | Uint8Array) => {
    out += typeof text === 'string' ? text : Buffer.from(text).toString('utf8');
    return true;
  }) as typeof write;
  try {
    await (await program()).parseAsync(sqlArguments(['node', 'vslog', ...args]));
  } catch (error) {
    if (!(error instanceof Failure) || error.message !== '') throw error;
  } finally {
    process.stdout.write = write;
  }
  return out;
}
