import type { Database } from '../database.js';
import { HOME } from '../ddl.js';
import { quote } from '../quote.js';
import type { Engine } from './engine.js';

/** The embedded engine, which reads a segment's file itself. It must have been started. */
export function embeddedDatabase(engine: Engine): Database {
  return {
    placement: HOME,
    // An engine that does not answer is ended, and one that has died does nothing more.
    mayLinger: false,
    text: (sql, format) => engine.text(sql, format),
    write: (sql) => engine.write(sql),
    async insert({ into, select, structure, where, settings }, { path }) {
      const set = Object.entries(settings).map(([name, value]) => `${name} = ${typeof value === 'number' ? value : quote(value)}`);
      await engine.write(
        `${into} SELECT ${select} FROM file(${quote(path)}, 'Protobuf', ${quote(structure)})${where} SETTINGS ${set.join(', ')}`,
      );
    },
  };
}
