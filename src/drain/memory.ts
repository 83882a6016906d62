import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeRuntimeFolder } from '../access/place.js';
import { fileMode } from '../access/readers.js';

/** Where it is, for a capture's socket: whoever drains through that capture finds it. */
export function drainMemoryBeside(socket: string): string {
  return join(dirname(socket), 'drains.json');
}

/** The weights that real servers had before they were drained, by virtual service and real server. In a file, so that a drain can be cancelled whoever was killed meanwhile. */
export class DrainMemory {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** The weight from before; undefined when none is remembered, or the file cannot be read. */
  weightOf(service: string, real: string): number | undefined {
    return this.read()[key(service, real)];
  }

  /** Remembers it, durably, before anything is changed. Throws what the file system says. */
  remember(service: string, real: string, weight: number): void {
    this.write({ ...this.read(), [key(service, real)]: weight });
  }

  /** It is not drained any more. */
  forget(service: string, real: string): void {
    const { [key(service, real)]: gone, ...rest } = this.read();
    if (gone !== undefined) this.write(rest);
  }

  private read(): Record<string, number> {
    try {
      const found = JSON.parse(readFileSync(this.path, 'utf8')) as unknown;
      if (typeof found !== 'object' || found === null) return {};
      return Object.fromEntries(Object.entries(found).filter((entry): entry is [string, number] => Number.isInteger(entry[1])));
    } catch {
      return {}; // none yet; a damaged one is as good as none, the log knows the weights too
    }
  }

  private write(weights: Readonly<Record<string, number>>): void {
    makeRuntimeFolder(dirname(this.path), false, false);
    const next = `${this.path}.${process.pid}.next`;
    const file = openSync(next, 'w', fileMode());
    try {
      writeSync(file, `${JSON.stringify(weights, undefined, 1)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(next, this.path);
  }
}

function key(service: string, real: string): string {
  return `${service} > ${real}`;
}
