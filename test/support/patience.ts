import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as timer } from 'node:timers/promises';

/** Name of the environment variable that sets the factor. A run sets it once, so that all of its processes agree. */
export const PATIENCE_VARIABLE = 'VSLOG_TEST_PATIENCE';
/** Largest factor that is chosen by itself. */
const MOST = 5;
/** Longest wait for one condition on a quiet machine, ms. It only bounds a wait for something that never comes. */
const QUIET_MS = 120_000;
/** Between two looks for a condition: at first, and later, ms. */
const FIRST_LOOK_MS = 3;
const LOOK_MS = 50;

/**
 * How much longer than on a quiet machine a wait may take: at least 1. From VSLOG_TEST_PATIENCE, else from the load of the last minute for each processor.
 * Throws an Error when the variable is not a number of at least 1.
 */
export function patienceFactor(
  env: NodeJS.ProcessEnv = process.env,
  load = loadavg()[0] ?? 0,
  processors = availableParallelism(),
): number {
  const said = env[PATIENCE_VARIABLE];
  if (said === undefined || said === '') return Math.min(MOST, Math.max(1, Math.ceil(load / processors)));
  const factor = Number(said);
  if (!(factor >= 1) || factor > 1000) throw new Error(`${PATIENCE_VARIABLE} is "${said}": it must be a number from 1 to 1000.`);
  return factor;
}

/** The factor of this process; it ends, with a sentence, where the variable is no such number. */
function ownFactor(): number {
  try {
    return patienceFactor();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}

/** Longest wait for one condition, ms: the same for every test, since what is waited for decides and not the time. */
export const WAIT_MS = QUIET_MS * ownFactor();
/** Environment of programs whose orderly end a test looks at: a machine that is busy takes longer to deliver what waits than an operator would give it. */
export const PATIENT_STOP: NodeJS.ProcessEnv = { VSLOG_COLLECTOR_DRAIN: '10m' };
/** Longest run of one command that a test starts, ms. */
export const COMMAND_MS = WAIT_MS;
/** Longest run of one test or hook, ms: several waits, so that the wait that failed tells its reason first. */
export const TEST_MS = 4 * WAIT_MS;

/**
 * Waits until `find` returns something other than undefined or false, and returns it. `what` completes the sentence "It did not come: ...";
 * `everyMs`: longest time between two looks. `detail` is asked for more when it did not come. An error that `find` throws ends the wait.
 */
export async function until<T>(
  what: string,
  find: () => T | undefined | false | Promise<T | undefined | false>,
  { everyMs = LOOK_MS, detail }: { readonly everyMs?: number; readonly detail?: () => string } = {},
): Promise<T> {
  const end = performance.now() + WAIT_MS;
  // A look that never ends is no answer, either.
  let bell: ReturnType<typeof setTimeout> | undefined;
  const never = new Promise<undefined>((resolve) => {
    bell = setTimeout(() => resolve(undefined), WAIT_MS);
  });
  try {
    // What comes at once is not waited for long.
    for (let nextMs = Math.min(everyMs, FIRST_LOOK_MS); ; nextMs = Math.min(everyMs, nextMs * 2)) {
      const found = await Promise.race([find(), never]);
      if (found !== undefined && found !== false) return found;
      if (performance.now() >= end) throw new Error(`It did not come: ${what}.${detail === undefined ? '' : ` ${detail()}`}`);
      await timer(nextMs);
    }
  } finally {
    clearTimeout(bell);
  }
}

/**
 * Lets time pass that decides nothing: another moment for a fault in each round, a pace for a load. `why` says what the time is for.
 * A test must pass whatever this takes; wait for a condition with `until`.
 */
export async function pause(ms: number, why: string, signal?: AbortSignal): Promise<void> {
  if (why === '') throw new Error('A pause needs a reason.');
  await timer(ms, undefined, signal === undefined ? undefined : { signal });
}

/** Resolves to `outcome`, or to undefined when it does not come within the longest wait. */
export async function orNever<T>(outcome: Promise<T>): Promise<T | undefined> {
  const over = new AbortController();
  try {
    return await Promise.race([outcome, timer(WAIT_MS, undefined, { signal: over.signal })]);
  } finally {
    over.abort();
  }
}
