import { sentenceOf } from '../wire/errors.js';
import { sha256File } from './catalog.js';
import { bodyName } from './layout.js';
import type { Segment } from './segment.js';

/** Reads bodies and compares them with their checksums, each once at a time however many ask. */
export class BodyChecks {
  private readonly running = new Map<string, Promise<string>>();

  /** What is wrong with a segment's body, as the end of a sentence; undefined: nothing. Rejects when it cannot be read now, which says nothing about it. */
  async flaw({ id, record, path, sha256 }: Segment): Promise<string | undefined> {
    // One that is rewritten meanwhile is another body.
    const key = `${id} ${sha256}`;
    const sum = this.running.get(key) ?? sha256File(path);
    this.running.set(key, sum);
    try {
      return (await sum) === sha256 ? undefined : 'does not have its checksum';
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'is not there any more';
      throw new Error(`The body of segment ${bodyName(id, record)} cannot be read: ${sentenceOf(error)}`, { cause: error });
    } finally {
      this.running.delete(key);
    }
  }
}
