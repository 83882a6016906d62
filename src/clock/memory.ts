import { readFileSync } from 'node:fs';
import { readFile, rename, rm, stat } from 'node:fs/promises';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { openToWrite } from '../access/readers.js';
import type { ClockMemory, ClockSources } from './believed-clock.js';

/** File of the spool's folder with the last time that was believed. */
export const CLOCK_FILE = 'clock.json';
/** File beside it by which somebody says that the clock is right: it has the time that was shown then. */
export const ACCEPT_FILE = 'clock.accept';

/** This machine's clocks. */
export function machineClocks(): ClockSources {
  return { wall: () => Date.now(), uptime: () => uptime() * 1000, boot: bootId() };
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return ''; // a sandbox without /proc: each start counts as a boot
  }
}

/** What the last process believed; undefined: there was none, or what it left cannot be read. Rejects with the system's error. */
export async function readClock(folder: string): Promise<ClockMemory | undefined> {
  const text = await readFile(join(folder, CLOCK_FILE), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return text === undefined ? undefined : parseClock(text);
}

/** Undefined: the text is no such memory. */
export function parseClock(text: string): ClockMemory | undefined {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { believedMs, uptimeMs, boot, doubt } = (found ?? {}) as Record<keyof ClockMemory, unknown>;
  if (!isTime(believedMs) || !isTime(uptimeMs) || typeof boot !== 'string') return undefined;
  const { aheadMs, steadyMs } = (doubt ?? {}) as { aheadMs?: unknown; steadyMs?: unknown };
  const doubted = isTime(aheadMs) && isTime(steadyMs) ? { aheadMs, steadyMs } : undefined;
  return { believedMs, uptimeMs, boot, doubt: doubted };
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** Keeps it for the next process. Not synced: after a power cut it is minutes old, which harms nothing. Rejects with the system's error. */
export async function writeClock(folder: string, memory: ClockMemory): Promise<void> {
  await replace(folder, CLOCK_FILE, `${JSON.stringify(memory)}\n`);
}

/** Says to the collector of this spool that its clock is right. Rejects with the system's error. */
export async function writeAccept(folder: string, wallMs: number): Promise<void> {
  await replace(folder, ACCEPT_FILE, `${wallMs}\n`);
}

/** What somebody said since the last call, ms since 1970: the time that the clock showed then. */
export async function takeAccept(folder: string): Promise<number | undefined> {
  const path = join(folder, ACCEPT_FILE);
  if ((await stat(path).catch(() => undefined)) === undefined) return undefined;
  const wallMs = Number(await readFile(path, 'utf8'));
  await rm(path, { force: true });
  return Number.isFinite(wallMs) ? wallMs : undefined;
}

async function replace(folder: string, name: string, content: string): Promise<void> {
  const temporary = join(folder, `.${name}.tmp`);
  const file = await openToWrite(temporary, 'w');
  try {
    await file.writeFile(content);
  } finally {
    await file.close();
  }
  await rename(temporary, join(folder, name));
}
