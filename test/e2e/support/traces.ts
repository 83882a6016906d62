import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parseAddress } from '../../../src/wire/address.js';

/** Every file below a folder; what goes while it is looked at is left out. */
export function filesBelow(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    try {
      return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : [];
    } catch {
      return [];
    }
  });
}

/** The files below folders in which an address stands: as text, or as the 16 bytes of a record. Gzipped ones are looked into. */
export function tracesOf(address: string, ...dirs: readonly string[]): string[] {
  const binary = Buffer.from(parseAddress(address) ?? []);
  if (binary.length !== 16) throw new Error(`${address} is no address.`);
  // ClickHouse keeps an IPv6 as it is, and text as text; what it packs is looked for by SQL.
  const has = (bytes: Buffer): boolean => bytes.includes(binary) || bytes.includes(address);
  return dirs.flatMap(filesBelow).filter((path) => {
    try {
      const bytes = readFileSync(path);
      return has(bytes) || (path.endsWith('.gz') && statSync(path).size > 0 && has(gunzipSync(bytes)));
    } catch {
      return false;
    }
  });
}
