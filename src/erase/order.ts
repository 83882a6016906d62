import { lstat, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makePrivateFolder } from '../access/place.js';
import { openPrivate } from '../access/readers.js';
import type { EraseTarget } from './target.js';

/** Folder inside the data directory for orders. It is the collector's alone: whoever can put an order there is that user or root, and needs no other proof. */
export const ORDERS = 'erase';

/** Who ordered it, as he says himself: who can write the order could write anything into it. The capture's record of the order has the kernel's word. */
export interface OrderAuthor {
  readonly uid: number;
  /** 4294967295: not known. */
  readonly loginUid: number;
  readonly pid: number;
}

/** That a person is to be erased, kept until it is done: it alone, beside the log, says who. */
export interface EraseOrder {
  /** 1 to 63 of [a-z0-9]. */
  readonly id: string;
  readonly target: EraseTarget;
  /** How the person is named: some of address, network and hash, separated by commas. */
  readonly selectors: string;
  readonly reason: string;
  /** Only count; then forget the order. */
  readonly dryRun: boolean;
  readonly author: OrderAuthor;
  /** The order stands in the log: before that nothing is changed. */
  readonly told: boolean;
  readonly progress: OrderProgress;
}

/** What is written down of an order while it is carried out. Absent: not begun. */
export interface OrderProgress {
  /** How far the capture's log reached when the order came: what is older than it may still come from there. */
  readonly position?: readonly [epoch: string, sequence: string];
  /** Connections that were found. */
  readonly connections?: number;
  /** Events that were erased already in a place before the order, by place. */
  readonly before?: Readonly<Record<string, number>>;
  /** Events that were erased by it, by place. */
  readonly counts?: Readonly<Record<string, number>>;
  /** Events that the log says were erased by it. */
  readonly recorded?: number;
}

const NAME = /^([a-z0-9]{1,63})\.json$/;

/** Makes the folder, or closes the one that is there. Throws PlaceError. */
export function makeOrders(dir: string): void {
  makePrivateFolder(dir);
}

/** Writes an order down, durably, for us alone. */
export async function writeOrder(dir: string, order: EraseOrder): Promise<void> {
  const temporary = join(dir, `.${order.id}.tmp`);
  const file = await openPrivate(temporary);
  try {
    await file.writeFile(`${JSON.stringify({ version: 1, ...order })}\n`);
    // Root writes for the collector, whose folder it is.
    const { uid, gid } = await lstat(dir);
    if (process.geteuid?.() === 0 && uid !== 0) await file.chown(uid, gid);
    await file.sync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await rename(temporary, join(dir, `${order.id}.json`));
  await syncFolder(dir);
}

/** The orders that are not done, by their names. One that somebody else wrote, or that cannot be read, is passed over and told. */
export async function readOrders(dir: string, note: (line: string) => void = () => undefined): Promise<EraseOrder[]> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const orders: EraseOrder[] = [];
  for (const name of names.sort()) {
    if (!NAME.test(name)) continue;
    const path = join(dir, name);
    try {
      const stats = await lstat(path);
      const own = stats.uid === 0 || stats.uid === process.geteuid?.();
      if (!stats.isFile() || !own || (stats.mode & 0o077) !== 0) throw new Error('it is not a file of ours alone');
      orders.push(parse(await readFile(path, 'utf8')));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue; // done meanwhile
      note(`The order ${path} is not carried out: ${(error as Error).message}.`);
    }
  }
  return orders;
}

function parse(text: string): EraseOrder {
  const order = JSON.parse(text) as EraseOrder & { version: number };
  if (order.version !== 1) throw new Error('it is of another version of vslog');
  return order;
}

/** Forgets an order, and with it whom it named. */
export async function removeOrder(dir: string, id: string): Promise<void> {
  await rm(join(dir, `${id}.json`), { force: true });
  await rm(join(dir, `.${id}.tmp`), { force: true });
  await syncFolder(dir);
}

async function syncFolder(dir: string): Promise<void> {
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
