import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { ApiClient } from '../../../src/api/client.js';
import { Administration } from '../../../src/wire/administration.js';
import { CaptureClient } from '../../../src/wire/client.js';
import { CaptureRefusal } from '../../../src/wire/errors.js';
import { until, WAIT_MS } from '../../support/patience.js';
import type { NetworkNamespace } from './network-namespace.js';
import { type Up, Vslog } from './vslog.js';

/** A change as control_events has it. */
export interface LoggedChange {
  readonly kind: string;
  readonly epoch: string;
  readonly name: string;
  readonly service: string;
  readonly real: string;
  readonly old_value: string;
  readonly new_value: string;
  readonly uid: number;
  readonly pid: number;
  readonly command: string;
  readonly parent_pid: number;
  readonly parent_command: string;
  readonly through: string;
  readonly detail: string;
  readonly netns: number;
}

const ADDRESS = (column: string): string => `replaceOne(IPv6NumToString(${column}_addr), '::ffff:', '')`;
const COLUMNS = [
  'toString(kind) AS kind',
  'epoch',
  'name',
  `concat(${ADDRESS('virtual')}, ':', toString(virtual_port)) AS service`,
  `concat(${ADDRESS('real')}, ':', toString(real_port)) AS real`,
  'old_value',
  'new_value',
  'uid',
  'pid',
  'command',
  'parent_pid',
  'parent_command',
  'toString(through) AS through',
  'detail',
  'netns',
];

/** `vslog up` on source engine, and sessions with its capture. */
export class Administered {
  readonly vslog: Vslog;
  private readonly args: readonly string[];
  private readonly clients: CaptureClient[] = [];
  private up: Up | undefined;

  constructor(args: readonly string[], inside?: NetworkNamespace) {
    this.vslog = new Vslog(inside);
    this.args = args;
  }

  /** Starts it, again if it has ended. */
  async begin(): Promise<void> {
    this.up = this.vslog.up('--source', 'engine', ...this.args);
    await this.up.says(/capture: ready/);
  }

  /** Ends it in peace: the log has everything then. */
  async end(): Promise<void> {
    expect(await this.up?.end(), this.up?.said).toBe(0);
  }

  /** A session of its own. */
  async session(): Promise<Administration> {
    const client = new CaptureClient({ path: join(this.vslog.dir, 'capture.sock'), software: 'test', timeoutMs: WAIT_MS });
    this.clients.push(client);
    await client.connect();
    return new Administration(client);
  }

  /** Waits until the log has so many changes of these kinds, in the order in which they were made. */
  async logged(count: number, ...kinds: string[]): Promise<LoggedChange[]> {
    const api = new ApiClient(join(this.vslog.dir, 'collector.sock'));
    const where = `kind IN (${kinds.map((kind) => `'${kind}'`).join(', ')})`;
    let found: LoggedChange[] = [];
    const enough = async (): Promise<boolean> => {
      // The kinds are compared before they get the names of their texts. The epoch lasts as long as the journal, over restarts.
      const sql = `SELECT ${COLUMNS.join(', ')} FROM (SELECT * FROM control_events WHERE ${where}) ORDER BY sequence`;
      const text = (await api.sql(sql, 'JSONEachRow')).toString('utf8');
      found = text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as LoggedChange);
      return found.length >= count;
    };
    await until(`${count} changes in the log`, enough, {
      detail: () => `The log has ${found.length}, at last ${JSON.stringify(found.slice(-5))}.`,
    });
    return found;
  }

  clean(): void {
    for (const client of this.clients) client.close();
    this.vslog.clean();
  }
}

/** As much of a command line as the capture writes down, without what could have changed at its end. */
const COMMAND = 100;

/** This process as the author of changes. Who started the namespace of a user is root in it, as root is. */
export function ourselves(uid: number): Partial<LoggedChange> {
  const commandLine = readFileSync('/proc/self/cmdline', 'utf8').replaceAll('\0', ' ').trim();
  return {
    uid,
    pid: process.pid,
    command: expect.stringContaining(commandLine.slice(0, COMMAND)) as string,
    parent_pid: process.ppid,
    parent_command: readFileSync(`/proc/${process.ppid}/comm`, 'utf8').trim(),
    through: 'vslog',
  };
}

/** What the capture says no with. */
export async function refusalOf(request: Promise<unknown>): Promise<{ code: number; field: string; message: string }> {
  try {
    await request;
  } catch (error) {
    if (!(error instanceof CaptureRefusal)) throw error;
    const { code, field, message } = error;
    return { code, field: field ?? '', message };
  }
  throw new Error('It was not refused.');
}
