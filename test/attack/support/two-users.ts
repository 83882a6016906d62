import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Ran } from '../../e2e/support/vslog.js';
import { Up } from '../../e2e/support/vslog.js';
import { COMMAND_MS } from '../../support/patience.js';

const ROOT = join(import.meta.dirname, '../../..');
export const PROGRAM = join(ROOT, 'dist/main.js');
export const CAPTURE = join(ROOT, 'build/native/vslog-capture');

/** By default every collector of a machine wants the same ports. */
const NO_PORTS = { VSLOG_CLICKHOUSE_HTTP_LISTEN: '', VSLOG_CONSOLE_LISTEN: '', VSLOG_METRICS_LISTEN: '' };

/** A user of this machine, by number. */
export class User {
  readonly uid: number;
  private readonly groups: readonly number[];

  constructor(uid: number, ...groups: number[]) {
    this.uid = uid;
    this.groups = groups;
  }

  /** Runs a command to its end. */
  run(command: readonly string[], env: NodeJS.ProcessEnv = {}): Ran {
    const [program = '', ...args] = this.words(command);
    const { status, stdout, stderr, error } = spawnSync(program, args, {
      encoding: 'utf8',
      timeout: COMMAND_MS,
      env: this.env(env),
      cwd: '/',
    });
    if (error !== undefined) throw error;
    return { code: status, out: stdout, err: stderr };
  }

  /** Starts a command that goes on. */
  start(command: readonly string[], env: NodeJS.ProcessEnv = {}): Up {
    const [program = '', ...args] = this.words(command);
    return new Up(spawn(program, args, { env: this.env(env), cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] }));
  }

  private words(command: readonly string[]): string[] {
    const groups = this.groups.length === 0 ? ['--clear-groups'] : [`--groups=${this.groups.join(',')}`];
    return ['setpriv', `--reuid=${this.uid}`, `--regid=${this.uid}`, ...groups, '--', ...command];
  }

  private env(more: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    const { XDG_RUNTIME_DIR: _runtime, XDG_STATE_HOME: _state, ...env } = process.env;
    return { ...env, ...NO_PORTS, HOME: '/nonexistent', ...more };
  }
}

/** Who wants what is not his. */
export const ATTACKER = new User(65_534);

/** Somebody who uses vslog and whom no other test is. Throws where there cannot be two users. */
export function victim(): User {
  const user = new User(100_000_000 + process.pid);
  if (process.getuid?.() !== 0) throw new Error('This test plays two users against each other: run it as root.');
  const { code, err } = user.run(['test', '-r', PROGRAM, '-a', '-x', CAPTURE]);
  if (code !== 0)
    throw new Error(`This test plays other users, who must be able to read the checkout in ${ROOT}: put it elsewhere. ${err}`);
  return user;
}
