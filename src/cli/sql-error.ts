import { nearest } from '../config/nearest.js';
import { KEYWORDS } from './sql-words.js';

/** A longer list of what would have been right helps nobody. */
const MOST_EXPECTED = 3;
/** Around the place in a long line, characters. */
const SHOWN = 70;

/**
 * What a person reads of ClickHouse's no to a query: one sentence without the query in it, and where there is a place the line with a caret under it. `message` is the
 * sentence of src/store/errors.ts.
 */
export function sqlErrorText(sql: string, message: string): string {
  const [, body = message, code = ''] = /^([\s\S]*?)( \(ClickHouse \d+[^)]*\))?\.?\s*$/.exec(message) ?? [];
  const syntax =
    /Syntax error: failed at position (\d+) \(((?:[^()]|\([^()]*\))*)\)(?: \(line \d+, col \d+\))?:[\s\S]*?(?:Expected ([\s\S]*))?$/.exec(
      body,
    );
  if (syntax !== null) return syntaxText(sql, body, syntax, code);
  const meant = meantBy(body);
  const sentence = body
    .replace(/[.:,]? ?[Ii]n scope [\s\S]*?(?=\. Maybe you meant|$)/, '')
    .replace(/\.? ?Maybe you meant[\s\S]*$/, '')
    .replace(/: while converting[\s\S]*$/, '')
    .replace(/: while executing[\s\S]*$/, '')
    .replace(/Unknown (?:table )?expression identifier/, body.includes('Unknown table') ? 'There is no table' : 'There is no column')
    .replace(/Function with name (`[^`]+`) does not exist/, 'There is no function $1')
    .replace(/[`']([\w.]+)[`']/, '$1');
  const [, name] = /(?:no (?:column|table|function)) ([\w.]+)/.exec(sentence) ?? [];
  const at = name === undefined ? -1 : sql.search(new RegExp(`\\b${name.replaceAll('.', '\\.')}\\b`));
  return `${sentence}${meant === '' ? '' : `: do you mean ${meant}?`}${meant === '' ? '.' : ''}${code}${at < 0 ? '' : `\n${caretLines(sql, at)}`}`;
}

function syntaxText(sql: string, body: string, syntax: RegExpExecArray, code: string): string {
  const [, position = '1', token = '', expected = ''] = syntax;
  const open = /^([A-Z][^:]*is not closed)/.exec(body)?.[1];
  const end = token === 'end of query';
  const said = Number(position) - 1;
  const at = end ? sql.trimEnd().length : sql.startsWith(token, said) ? said : Math.max(0, sql.indexOf(token));
  const wrong =
    sql
      .slice(0, at)
      .match(/(\w+)\s*$/)?.[1]
      ?.toUpperCase() ?? '';
  const keyword =
    wrong === '' || KEYWORDS.includes(wrong)
      ? undefined
      : (KEYWORDS.find((word) => letters(word) === letters(wrong)) ?? nearest(wrong, KEYWORDS));
  const list = expected.replace(/^one of: /, '').split(', ');
  const hint =
    keyword !== undefined
      ? `; do you mean ${keyword} before it?`
      : list.length <= MOST_EXPECTED && expected !== '' && !/alias cannot/.test(expected)
        ? `; it must be ${list.join(' or ')}`
        : '';
  const { line, column } = placeOf(sql, at);
  const what = open ?? (end ? 'The query is not complete' : `${JSON.stringify(token)} is not expected here`);
  return `Syntax error in line ${line}, column ${column}: ${what}${hint}${hint.endsWith('?') ? '' : '.'}${code}\n${caretLines(sql, at)}`;
}

/** Two that are exchanged are the commonest slip. */
const letters = (word: string): string => [...word].sort().join('');

function meantBy(body: string): string {
  const list = /Maybe you meant: \[([^\]]*)\]/.exec(body)?.[1];
  if (list !== undefined) return [...list.matchAll(/'([^']*)'/g)].map(([, name = '']) => name).join(' or ');
  return (/Maybe you meant ([\w.]+)\?/.exec(body)?.[1] ?? '').replace(/^vslog\./, '');
}

function placeOf(sql: string, at: number): { readonly line: number; readonly column: number } {
  const before = sql.slice(0, at).split('\n');
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 };
}

/** The line that a place is in, as much of it as fits, and a caret below the place. */
function caretLines(sql: string, at: number): string {
  const { line, column } = placeOf(sql, at);
  const whole = (sql.split('\n')[line - 1] ?? '').replaceAll('\t', ' ');
  const from = column <= SHOWN ? 0 : column - SHOWN / 2;
  const shown = whole.slice(from, from + SHOWN + 10);
  const [before, after] = [from > 0 ? '…' : '', from + shown.length < whole.length ? '…' : ''];
  return `  ${before}${shown}${after}\n  ${' '.repeat(before.length + column - 1 - from)}^`;
}
