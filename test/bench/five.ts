import { spawnSync } from 'node:child_process';
import { freePort } from '../support/ports.js';
import { makeHistory } from './query.js';
import { MAIN, percentile, Setup } from './setup.js';

export interface FiveOptions {
  readonly events: number;
  readonly days: number;
  /** How often each is asked; the median counts. */
  readonly times: number;
}

/** A real server of the history, and the balancer's. */
const SERVER = '10.2.0.15';

/** What people ask, and the command that answers it. */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  who_was_on_that_server: ['report', 'who', '--rs', SERVER, '--since', '7d', '--no-plot'],
  can_i_pull_its_cable: ['rs', 'drain', SERVER, '--no-watch'],
  why_did_connections_end: ['report', 'reasons', '--since', '7d', '--no-plot'],
  what_was_dropped: ['report', 'nodest', '--since', '7d', '--no-plot'],
  who_changed_it: ['report', 'changes', '--since', '7d'],
};

/** The five questions that vslog exists for, each by its one command, as somebody with a stopwatch sees it: from the key to the end of the answer. */
export async function five({ events, days, times }: FiveOptions, say: (line: string) => void): Promise<Record<string, unknown>> {
  const setup = new Setup();
  const until = Math.floor(Date.now() / 3_600_000) * 3600;
  await makeHistory(setup.store, { events, days, until, database: 'vslog' }, say);
  await setup.startCollector();
  const virtual = `tcp://127.0.0.1:${await freePort()}`;
  await setup.startCapture(['--source', 'engine', '--service', virtual, '--real', `${SERVER}:8443`, '--real', '10.2.0.16:8443']);
  const took: Record<string, number> = {};
  for (const [question, args] of Object.entries(COMMANDS)) {
    const each: number[] = [];
    for (let i = 0; i < times; i++) each.push(ask(setup.env, args));
    took[question] = Math.round(percentile(each, 0.5));
    say(`vslog ${args.join(' ')}: ${took[question]} ms`);
  }
  const rows = await setup.count('conn_events');
  await setup.end();
  return { rows, times, command_ms: took };
}

/** Runs a command to its end; ms. */
function ask(env: NodeJS.ProcessEnv, args: readonly string[]): number {
  const began = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { env, encoding: 'utf8' });
  const took = performance.now() - began;
  if (status !== 0 || stdout === '') throw new Error(`vslog ${args.join(' ')} ended with ${String(status)}: ${stderr}`);
  return took;
}
