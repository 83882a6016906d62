import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { sentenceOf } from '../../wire/errors.js';
import { blamed, type Damage, findDamage, isDamage } from './damage.js';
import { Definitions } from './definitions.js';
import { EngineFolder, entries } from './folder.js';
import { SetAside } from './set-aside.js';

/** What makes up the engine's store, beside what is ours in its folder. */
const WHOLE = ['metadata', 'metadata_dropped', 'data', 'store', 'status'];
/** Rounds of looking: what is put back may show more. */
const MOST_ROUNDS = 4;

/** Makes a damaged directory one that the engine opens: what is damaged is set aside, what there is a copy of is put back. */
export class Repair {
  readonly folder: EngineFolder;
  readonly copies: Definitions;
  readonly aside: SetAside;
  readonly say: (line: string) => void;

  /** `say`: told of each thing that is set aside, a sentence. */
  constructor(dir: string, say: (line: string) => void) {
    this.folder = new EngineFolder(dir);
    this.copies = new Definitions(this.folder);
    this.aside = new SetAside(this.folder);
    this.say = say;
  }

  /** Before the engine is started: what can be seen without it. Rejects with a sentence when it cannot be set aside. */
  async before(): Promise<void> {
    const seen = new Set<string>();
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const found = findDamage(this.folder, this.copies).filter(({ what }) => !seen.has(what));
      for (const { what } of found) seen.add(what);
      if (found.length === 0) return;
      await this.take(found);
    }
  }

  /** The engine did not open, and ended with this. Resolves to whether something was set aside, so that it may be tried again. */
  async refused(complaint: string): Promise<boolean> {
    const found = blamed(this.folder, this.copies, complaint);
    if (found.length > 0) {
      await this.take(found);
      return true;
    }
    if (!isDamage(complaint) || this.folder.definitions === undefined) return false;
    await this.all();
    return true;
  }

  /** Nothing helped: the store is begun anew. */
  private async all(): Promise<void> {
    const { folder } = this;
    const had = [...folder.allRows()].some((rows) => entries(rows).some((name) => /_\d+_\d+_\d+/.test(name)));
    for (const name of WHOLE) {
      const path = join(folder.dir, name);
      const what = `The store's ${name} cannot be opened by the engine, and no copy helps: all of it is set aside, and the store begins anew.`;
      if (existsSync(path)) await this.move({ path, what });
    }
    this.copies.forget();
    if (!had) return;
    for (const table of ['conn_events', 'control_events', 'batches'])
      await this.aside.move(join(folder.dir, 'store', table), `All rows of table ${table} were set aside with the store.`, [table, '*']);
    await this.aside.lacksUnknown();
  }

  private async take(found: readonly Damage[]): Promise<void> {
    for (const damage of found) {
      await this.move(damage);
      if (damage.restore === true) await this.copies.restoreDatabase();
      else if (damage.restore !== undefined) await this.copies.restore(damage.restore);
    }
  }

  private async move({ path, what, lacks }: Damage): Promise<void> {
    try {
      await this.aside.move(path, what, lacks);
    } catch (error) {
      throw new Error(`${what} It could not be set aside: ${sentenceOf(error)}`, { cause: error });
    }
    this.say(what);
  }
}
