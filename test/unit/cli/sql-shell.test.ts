import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ApiError } from '../../../src/api/errors.js';
import { addToHistory, historyPath, oneLine, readHistory } from '../../../src/cli/sql-history.js';
import { limitAdvice, limitsOf } from '../../../src/cli/sql-limits.js';
import { completions, wordsOf } from '../../../src/cli/sql-words.js';
import { withDirectory } from '../support/temporary.js';

const WORDS = wordsOf([
  ['column', 'sequence', 'conn_events'],
  ['column', 'real_addr', 'conn_events'],
  ['column', 'real_ip', 'connections'],
  ['column', 'client_ip', 'connections'],
  ['column', 'x', 'connections_ended_feed'],
  ['function', 'count', ''],
  ['function', 'countIf', ''],
]);

describe('completion', () => {
  const of = (line: string, before = ''): string[] => completions(line, before, WORDS)[0];
  it('offers tables after FROM, but none that only feeds another', () => {
    expect(of('SELECT 1 FROM conn')).toEqual(['conn_events', 'connections']);
    expect(of('select 1 from ')).toEqual(['conn_events', 'connections']);
  });
  it('offers columns of the tables that are named, else of all', () => {
    expect(of('SELECT rea')).toEqual(['real_addr', 'real_ip']);
    expect(of('WHERE rea', 'SELECT * FROM connections')).toEqual(['real_ip']);
  });
  it('offers keywords as they were begun, and functions of three letters and more', () => {
    expect(of('SEL')).toEqual(['SELECT']);
    expect(of('sel')).toEqual(['select']);
    expect(of('SELECT coun')).toEqual(['count(', 'countIf(']);
  });
  it('offers commands, and tables for \\d', () => {
    expect(of('\\t')).toEqual(['\\timing']);
    expect(of('\\d connec')).toEqual(['connections']);
  });
  it('gives back the word that it goes on from, whatever the line is', () => {
    const begun = fc.constantFrom('SELECT rea', 'sel', 'from conn', 'SELECT coun', '\\t', '\\d connec');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.tuple(fc.string(), begun).map(([before, word]) => `${before} ${word}`),
          begun,
        ),
        (line) => {
          const [found, word] = completions(line, '', WORDS);
          expect(line.endsWith(word)).toBe(true);
          for (const one of found) expect(one.toLowerCase().startsWith(word.toLowerCase())).toBe(true);
        },
      ),
    );
  });
});

describe('history', () => {
  it('keeps a statement of several lines as one that means the same', () => {
    expect(oneLine('SELECT 1\nFROM t;')).toBe('SELECT 1 FROM t;');
    expect(oneLine('SELECT 1 -- one */ more\n, 2;')).toBe('SELECT 1 /* one * / more */ , 2;');
    expect(oneLine("SELECT '-- none\nhere', `a--b`\n;")).toBe("SELECT '-- none\\nhere', `a--b` ;");
    expect(oneLine('SELECT /* a\n b */ 1;')).toBe('SELECT /* a  b */ 1;');
  });

  it('keeps statements, for their owner only', () =>
    withDirectory((dir) => {
      const path = join(dir, 'state/history');
      for (const statement of ['SELECT 1;', 'a\nb\\n', 'x']) addToHistory(path, statement);
      expect(readHistory(path)).toEqual(['SELECT 1;', 'a\nb\\n', 'x']);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      for (let i = 0; i < 2000; i++) addToHistory(path, String(i));
      expect(readFileSync(path, 'utf8').split('\n').length).toBeLessThan(2002);
      expect(readHistory(path).at(-1)).toBe('1999');
      return Promise.resolve();
    }));
  it('is in the state directory, and nothing when there is none', () => {
    expect(historyPath({ XDG_STATE_HOME: '/s' })).toBe('/s/vslog/sql_history');
    expect(historyPath({})).toMatch(/\/\.local\/state\/vslog\/sql_history$/);
    expect(readHistory('/nowhere/at/all')).toEqual([]);
  });
});

describe('limits', () => {
  it('are read with their units', () => {
    expect(limitsOf({ maxTime: '1500ms', maxMemory: '1MiB', maxRows: '7' })).toEqual({ seconds: 2, memory: 1_048_576, rows: 7 });
    expect(limitsOf({})).toEqual({});
  });
  it('are explained where one has ended a query', () => {
    const failed = (message: string): ApiError => new ApiError(400, 'query_failed', message);
    expect(limitAdvice(failed('Timeout exceeded (ClickHouse 159, TIMEOUT_EXCEEDED).'))).toMatch(/--max-time/);
    expect(limitAdvice(failed('Memory limit (ClickHouse 241, MEMORY_LIMIT_EXCEEDED).'))).toMatch(/--max-memory/);
    expect(limitAdvice(failed('Unknown table (ClickHouse 60, UNKNOWN_TABLE).'))).toBeUndefined();
    expect(limitAdvice(new Error('x'))).toBeUndefined();
  });
});
