import { SHARED } from './capture.js';
import type { Machine } from './machine.js';

/** How a scenario, or whatever else was tried on a kernel, went. */
export interface Result {
  readonly scenario: string;
  readonly seconds: number;
  /** Undefined when everything was as expected. */
  readonly failure: string | undefined;
  /** Of a failure: the last lines that the guest's console and its capture have said. */
  readonly logs?: string;
}

const LAST_LINES = 15;

/** What the machine has said lately. */
async function logsOf(machine: Machine): Promise<string> {
  const capture = await machine
    .run(`tail -n ${LAST_LINES} ${SHARED.folder}/log ${SHARED.folder}-*/log 2>/dev/null`)
    .then(({ output }) => output, sentence);
  return `console:\n${machine.consoleLines(LAST_LINES).join('\n')}\ncaptures:\n${capture}`;
}

/** What an error says. */
export const sentence = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Runs something to its end. Never rejects: whatever goes wrong is the result's failure. */
export async function attempt(scenario: string, run: () => Promise<string | undefined>, machine?: Machine): Promise<Result> {
  const begin = performance.now();
  const failure = await run().catch(sentence);
  const seconds = (performance.now() - begin) / 1000;
  if (failure === undefined || machine === undefined) return { scenario, seconds, failure };
  return { scenario, seconds, failure, logs: await logsOf(machine) };
}
