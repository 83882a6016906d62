import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { drainPending, Session } from 'chdb';
import type { HttpAnswer, HttpQuery, QueryBackend } from '../../../src/clickhouse-http/backend.js';
import { exceptionOf } from '../../../src/clickhouse-http/exception.js';
import { endingStatement, intoFile, sessionStatements } from '../../../src/clickhouse-http/session.js';
import { ask } from '../../../src/store/embedded/ask.mjs';
import { quote } from '../../../src/store/quote.js';

const READING = /^(SELECT|WITH|SHOW|DESCRIBE|EXPLAIN|EXISTS|\()/;

/** An INSERT, as the engine writes it, that takes its rows from a file instead of from the request. */
export function insertFrom(written: string, path: string): string {
  const [clause = '', format = 'TabSeparated'] = / FORMAT (\w+)$/.exec(written) ?? [];
  const head = written.slice(0, written.length - clause.length);
  const input = /\binput\(('(?:[^'\\]|\\.|'')*')\)/s.exec(head);
  if (input !== null) return head.replace(input[0], () => `file(${quote(path)}, ${quote(format)}, ${input[1]})`);
  const [settings = ''] = / SETTINGS .*$/s.exec(head) ?? [];
  return `${head.slice(0, head.length - settings.length)} FROM INFILE ${quote(path)} COMPRESSION 'none'${settings} FORMAT ${format}`;
}

/** The embedded engine as a ClickHouse server that one may write to: for tests. It runs in this very process, so that a signal to it is one to the engine. */
export class WritableBackend implements QueryBackend {
  readonly dataFolder: string;
  readonly version: string;
  readonly timezone: string;
  private readonly session: Session;

  constructor(dir: string) {
    this.dataFolder = join(dir, 'requests');
    this.session = new Session(join(dir, 'data'));
    mkdirSync(this.dataFolder, { recursive: true });
    [this.version = '', this.timezone = ''] = this.session.query('SELECT version(), timezone()', 'TSV').trim().split('\t');
  }

  async run(query: HttpQuery, signal: AbortSignal): Promise<HttpAnswer> {
    const end = (): void => void this.session.queryAsync(endingStatement(query.id)).catch(() => undefined);
    try {
      const written = await this.written(query.sql);
      const statements = sessionStatements({ ...query, database: query.database === '' ? 'default' : query.database });
      // As in a server: what changes something goes on when its client has gone.
      if (READING.test(written)) signal.addEventListener('abort', end, { once: true });
      const path = join(this.dataFolder, randomUUID());
      const { sql, format } = READING.test(written)
        ? intoFile(written, query.format, path)
        : { sql: query.data === undefined ? query.sql : insertFrom(written, query.data), format: query.format };
      const answer = await ask(this.session.path, { statements, sql, format });
      const body = existsSync(path) ? { path } : { bytes: answer.bytes };
      const discard = (): void => rmSync(path, { force: true });
      return { format, body, discard, resultRows: answer.rows, resultBytes: answer.read, seconds: answer.seconds };
    } catch (error) {
      throw exceptionOf(error instanceof Error ? error.message : String(error));
    } finally {
      signal.removeEventListener('abort', end);
    }
  }

  async close(): Promise<void> {
    this.session.close();
    await drainPending();
  }

  /** As the engine writes it, on one line. */
  private async written(sql: string): Promise<string> {
    const answer = await this.session.queryAsync(`SELECT formatQuerySingleLine(${quote(sql)})`, { format: 'TSVRaw' });
    return Buffer.from(answer.bytes()).toString('utf8').replace(/\n$/, '');
  }
}
