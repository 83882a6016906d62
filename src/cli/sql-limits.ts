import type { Command } from 'commander';
import { ApiError } from '../api/errors.js';
import { parseValue } from '../config/value.js';
import type { QueryLimits } from '../store/store.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';

/** What a query may take, as flags have it. */
export interface LimitFlags {
  readonly maxTime?: string;
  readonly maxMemory?: string;
  readonly maxRows?: string;
}

/** Adds the flags to a command. */
export function addLimitOptions(command: Command): Command {
  return command
    .option('--max-time <TIME>', 'end the query after so long, such as 5s or 1m (default and most: 60s)')
    .option('--max-memory <BYTES>', "end it when it takes more memory, such as 500MiB (default and most: an eighth of the machine's)")
    .option('--max-rows <N>', 'end it when the answer has more rows (default: no limit)');
}

/** Throws Failure. */
export function limitsOf({ maxTime, maxMemory, maxRows }: LimitFlags): QueryLimits {
  const limits: { -readonly [K in keyof QueryLimits]: QueryLimits[K] } = {};
  if (maxTime !== undefined) limits.seconds = Math.ceil(parsed('max-time', 'duration', maxTime, 'a time such as 5s or 1m') / 1000);
  if (maxMemory !== undefined) limits.memory = parsed('max-memory', 'bytes', maxMemory, 'a size such as 500MiB');
  if (maxRows !== undefined) limits.rows = parsed('max-rows', 'int', maxRows, 'a whole number');
  return limits;
}

function parsed(flag: string, type: 'duration' | 'bytes' | 'int', text: string, form: string): number {
  try {
    const option = { type, default: () => 0, doc: '', flag, commands: [], min: 1, max: Number.MAX_SAFE_INTEGER } as const;
    return Number(parseValue(option, text));
  } catch {
    throw new Failure(Exit.usage, `--${flag} is ${JSON.stringify(text)}: it must be ${form}, more than nothing.`);
  }
}

/** ClickHouse's codes of the limits: TIMEOUT_EXCEEDED, MEMORY_LIMIT_EXCEEDED, TOO_MANY_ROWS_OR_BYTES. */
const ADVICE: Readonly<Record<string, string>> = {
  159: 'It took too long: narrow it by time, or give it more by --max-time (60s at most).',
  241: 'It took too much memory: group by less, narrow it, or give it more by --max-memory.',
  396: 'The answer is too large: narrow it, write LIMIT, or raise --max-rows; nothing over 256 MiB is answered.',
};

/** What to do about a query that a limit has ended; undefined: it failed otherwise. */
export function limitAdvice(error: unknown): string | undefined {
  if (!(error instanceof ApiError)) return undefined;
  const [, code = ''] = /\(ClickHouse (\d+)[,)]/.exec(error.message) ?? [];
  return ADVICE[code];
}
