import { statfsSync } from 'node:fs';
import { bytesText } from '../../text/format.js';

/** Room that stays free: bytes, or a part of the disk from 0 to 1. */
export type KeptFree = { readonly bytes: number } | { readonly share: number };

/** How full the disk of a folder is. */
export interface DiskRoom {
  readonly freeBytes: number;
  /** What is to stay free. */
  readonly keepFreeBytes: number;
}

/** Rows take less than their events, and are written several times until they are merged. */
const TIMES = 2;

/** Thrown before a delivery: the disk has not the room. It works later. */
export class DiskTooFull extends Error {
  override readonly name = 'DiskTooFull';
}

/** The room on a folder's disk, for those who are not root. Throws the system's error. */
export function roomOf(dir: string, kept: KeptFree): DiskRoom {
  const { bavail, bsize, blocks } = statfsSync(dir);
  return { freeBytes: bavail * bsize, keepFreeBytes: 'bytes' in kept ? kept.bytes : Math.ceil(blocks * bsize * kept.share) };
}

/** Why nothing of `bytes` can be delivered, a sentence; undefined: there is room. */
export function tooFull(dir: string, { freeBytes, keepFreeBytes }: DiskRoom, bytes = 0): string | undefined {
  if (keepFreeBytes === 0 || freeBytes - TIMES * bytes >= keepFreeBytes) return undefined;
  return `The disk of the store ${dir} has ${bytesText(freeBytes)} free, and ${bytesText(keepFreeBytes)} are to stay so (store.keep_free): nothing is delivered to the store until there is room; events wait in the spool.`;
}
