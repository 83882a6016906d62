import { quote } from './quote.js';

/** What formats a statement without running it. */
export interface StatementFormatter {
  text(sql: string, format?: string): Promise<string>;
}

/** A statement that is not for people's sessions. */
export class RefusedStatement extends Error {
  override readonly name = 'RefusedStatement';
}

const READING = /^(SELECT|WITH|SHOW|DESCRIBE|EXPLAIN|EXISTS|\()/;
/** DESCRIBE of a table function would open what it names even in a read-only session. */
const PLAIN_DESCRIBE = /^DESCRIBE TABLE \w+(\.\w+)?( FORMAT \w+)?$/;
/** These open files or connections although the engine's read-only session lets them pass in places, so nowhere at all. */
const OUTSIDE =
  /\b(file|hasColumnInTable|catboostEvaluate|(file|url|s3|gcs|oss|cosn|hdfs|azureBlobStorage|iceberg|deltaLake|hudi|paimon)\w*(?=\s*\()|remote(Secure)?(?=\s*\()|cluster(AllReplicas)?(?=\s*\()|(executable|mysql|postgresql|mongodb|redis|sqlite|odbc|jdbc|ytsaurus|arrowFlight|python|input)(?=\s*\())/i;

/** A network of IPv4 on a column of IPv6: it would find nothing, in silence. */
const NEVER_TRUE = /\bisIPAddressInRange\(((?:\w+\.)?(?:client|virtual|real)_ip), '(\d+\.\d+\.\d+\.\d+\/\d+)'\)/i;

/** A text in quotes, or a name in them, as the engine writes them: looked for together, since each may hold the other's quote. */
const QUOTED = /'(?:[^'\\]|\\.|'')*'|`((?:[^`\\]|\\.|``)*)`|"((?:[^"\\]|\\.|"")*)"/gs;

/** What is left of a statement without the contents of texts, and with names bare: one that has more than letters, digits and _ can be no function's, and becomes a blank word. */
function bareOf(written: string): string {
  return written.replace(QUOTED, (quoted, ticked: string | undefined, doubled: string | undefined) => {
    if (quoted.startsWith("'")) return "''";
    const name = ticked ?? doubled ?? '';
    return /^\w+$/.test(name) ? name : '_';
  });
}

/**
 * The one reading statement in `sql`, as the engine writes it; rejects with a sentence when it is anything else.
 * The session it then runs in is read-only by the engine's own rule. This closes what that rule leaves open: a second statement, INTO OUTFILE, the function file().
 * `formatFixed`: the one who asks reads one format, so that the statement may not choose another.
 */
export async function readingStatement(engine: StatementFormatter, sql: string, formatFixed = false): Promise<string> {
  const statement = JSON.parse(await engine.text(`SELECT formatQuerySingleLine(${quote(sql)}) AS s`, 'JSONCompactEachRow')) as [string];
  const written = statement[0];
  // The engine has written it anew: no comments, one way of quoting.
  const bare = bareOf(written);
  if (/['"`]/.test(bare.replaceAll("''", '')))
    throw new RefusedStatement('A quote is not closed where it seems to be: write the names in this query without quotes.');
  if (!READING.test(bare)) throw new RefusedStatement('Only SELECT, WITH, SHOW, DESCRIBE, EXPLAIN and EXISTS are allowed here.');
  if (/\bINTO OUTFILE\b/i.test(bare)) throw new RefusedStatement('INTO OUTFILE is not allowed here: redirect the output instead.');
  // The engine refuses them in the statement itself, but not in a subquery.
  if (/\bSETTINGS \w+ = /.test(bare)) throw new RefusedStatement('SETTINGS are not allowed here: they are fixed for queries.');
  if (formatFixed && / FORMAT \w+$/.test(bare))
    throw new RefusedStatement('FORMAT is not allowed here, where the answer becomes a table: leave it out.');
  if (bare.startsWith('DESCRIBE') && !PLAIN_DESCRIBE.test(bare))
    throw new RefusedStatement('DESCRIBE takes only the name of a table here.');
  const never = NEVER_TRUE.exec(written);
  if (never !== null)
    throw new RefusedStatement(
      `${never[0]} is never true, since ${never[1]} is an IPv6 address, in which 10.0.0.1 is ::ffff:10.0.0.1: write inNetwork(${never[1]}, '${never[2]}').`,
    );
  const found = OUTSIDE.exec(bare.replace(/\bsystem\.\w+/g, ' '));
  if (found !== null) throw new RefusedStatement(`"${found[0]}" is not allowed here: a query reads only the store's tables.`);
  return written;
}
