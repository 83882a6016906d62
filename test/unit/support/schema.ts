import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { embeddedDatabase } from '../../../src/store/embedded/database.js';
import { Engine } from '../../../src/store/embedded/engine.js';
import { makeFunctions } from '../../../src/store/functions.js';
import { loadMigrations, migrate } from '../../../src/store/migrate.js';

export interface AnswerColumn {
  readonly name: string;
  /** As ClickHouse writes it. */
  readonly type: string;
}

/** In a tree of EXPLAIN QUERY TREE: the columns of the outermost query, which comes first. */
const COLUMNS = /PROJECTION COLUMNS\n((?: +\S.*\n)+?) *PROJECTION\n/;
/** In such a tree: an Enum that is compared with a text, or with a list of texts. ClickHouse takes a word that the Enum does not have for never equal. */
const COMPARED = new RegExp(
  [
    'FUNCTION id: \\d+, function_name: (?:equals|notEquals|in|notIn), .*',
    'ARGUMENTS',
    'LIST id: .*',
    'COLUMN id: \\d+, column_name: (\\w+), result_type: (?:Nullable\\()?Enum8(\\(.*\\)), source_id: \\d+',
    'CONSTANT id: \\d+, constant_value: (.*), constant_value_type: .*',
  ].join('\\n +'),
  'g',
);

/** The texts within a text. */
function quoted(text: string): string[] {
  return [...text.matchAll(/'([^']*)'/g)].map(([, word = '']) => word);
}

/** The store's tables as the migrations make them, in an engine of their own. ClickHouse itself says whether a question can be asked of them. */
export class Schema {
  private readonly dir: string;
  readonly engine: Engine;

  private constructor(dir: string, engine: Engine) {
    this.dir = dir;
    this.engine = engine;
  }

  /** Takes a second or two: open it once a file. */
  static async open(): Promise<Schema> {
    const dir = mkdtempSync(join(tmpdir(), 'vslog-schema-'));
    const engine = new Engine({
      dir,
      prepare: async (ready) => {
        await migrate(ready, loadMigrations());
        await makeFunctions(ready);
      },
      sessions: { reader: ['USE vslog'] },
    });
    await engine.start();
    return new Schema(dir, engine);
  }

  get database() {
    return embeddedDatabase(this.engine);
  }

  /** The columns of a query's answer, in order. Rejects with a sentence when a table, column, function or word of an Enum does not exist. */
  async columns(sql: string): Promise<AnswerColumn[]> {
    // ClickHouse's own analysis; that of DESCRIBE and EXPLAIN plans the query too, and takes twice as long.
    const tree = await this.run(`EXPLAIN QUERY TREE ${sql}`, 'TSVRaw');
    for (const [, column = '', words = '', compared = ''] of tree.matchAll(COMPARED)) {
      const known = quoted(words);
      const foreign = quoted(compared).find((word) => !known.includes(word));
      if (foreign !== undefined)
        throw new Error(`${column} is compared with '${foreign}', which it never is: it is one of ${known.join(', ')}.`);
    }
    const [, block] = COLUMNS.exec(tree) ?? [];
    if (block === undefined) throw new Error(`ClickHouse shows no columns of: ${sql}`);
    return block
      .trimEnd()
      .split('\n')
      .map((line) => {
        const [, name = '', type = ''] = /^ +(.*?) ([A-Z]\w*(?:\(.*\))?)$/.exec(line) ?? [];
        return { name, type };
      });
  }

  async names(sql: string): Promise<string[]> {
    return (await this.columns(sql)).map(({ name }) => name);
  }

  /** The answer to a reading statement. */
  async run(sql: string, format: string): Promise<string> {
    return Buffer.from(await this.engine.write(sql, format, 'reader')).toString('utf8');
  }

  async close(): Promise<void> {
    await this.engine.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
