import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NO_PORTS, type Ran, Up, unprivileged } from '../../e2e/support/vslog.js';
import { COMMAND_MS, PATIENT_STOP } from '../../support/patience.js';

const ROOT = join(import.meta.dirname, '../../..');
/** What a running vslog reads of a checkout. */
const PARTS = ['dist', 'build', 'node_modules', 'proto', 'src'];

/** Whether other users reach the checkout where it is. Where it lies in a folder of root's alone, they see its parts at another place, each command in a mount namespace of its own. */
const REACHED = unprivileged().uid !== undefined;
const PLACE = REACHED ? ROOT : madePlace();
export const PROGRAM = join(PLACE, 'dist/main.js');
export const CAPTURE = join(PLACE, 'build/native/vslog-capture');

function madePlace(): string {
  const place = mkdtempSync(join(tmpdir(), 'vslog-checkout-'));
  chmodSync(place, 0o755);
  for (const part of PARTS) mkdirSync(join(place, part));
  copyFileSync(join(ROOT, 'package.json'), join(place, 'package.json'));
  process.once('exit', () => rmSync(place, { recursive: true, force: true }));
  return place;
}

const MOUNTED = [
  ...['unshare', '--mount', '--propagation', 'private', 'sh', '-ec'],
  'for part in $0; do mount --bind "$1/$part" "$2/$part"; done; shift 2; exec "$@"',
  ...[PARTS.join(' '), ROOT, PLACE],
];

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
    return [...(REACHED ? [] : MOUNTED), 'setpriv', `--reuid=${this.uid}`, `--regid=${this.uid}`, ...groups, '--', ...command];
  }

  private env(more: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    const { XDG_RUNTIME_DIR: _runtime, XDG_STATE_HOME: _state, ...env } = process.env;
    return { ...env, ...NO_PORTS, ...PATIENT_STOP, HOME: '/nonexistent', ...more };
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
