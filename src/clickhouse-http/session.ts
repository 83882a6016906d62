import { quote } from '../store/quote.js';
import type { HttpQuery } from './backend.js';

/** A name in backquotes. */
function name(text: string): string {
  return `\`${text.replace(/[\\`]/g, '\\$&')}\``;
}

/** What makes a session of the embedded engine one for a query: its database, settings, parameters, and the comment by which it can be ended. */
export function sessionStatements(query: Pick<HttpQuery, 'id' | 'database' | 'settings' | 'parameters'>): string[] {
  const statements = [`USE ${name(query.database)}`, `SET log_comment = ${quote(query.id)}`];
  for (const [setting, value] of query.settings) statements.push(`SET ${name(setting)} = ${quote(value)}`);
  for (const [parameter, value] of query.parameters) statements.push(`SET ${name(`param_${parameter}`)} = ${quote(value)}`);
  return statements;
}

/** Ends what sessionStatements() has marked. */
export function endingStatement(id: string): string {
  return `KILL QUERY WHERE Settings['log_comment'] = ${quote(id)} ASYNC`;
}

/** A reading statement, as the engine writes it, with the answer going into a file or a pipe: whatever its size and format, the engine does not hold it in memory. */
export function intoFile(written: string, format: string, path: string): { readonly sql: string; readonly format: string } {
  const [clause = '', own] = / FORMAT (\w+)$/.exec(written) ?? [];
  const statement = own === undefined ? written : written.slice(0, -clause.length);
  const chosen = own ?? format;
  return { sql: `${statement} INTO OUTFILE ${quote(path)} TRUNCATE COMPRESSION 'none' FORMAT ${chosen}`, format: chosen };
}
