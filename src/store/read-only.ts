const FIRST = /^(select|with|show|describe|desc|explain|exists)\b/i;
const WORDS = /\b(outfile|infile|readonly|insert|drop|alter|create|attach|detach|truncate|system\s+\w+)\b/i;
const SOURCES =
  /\b(file|url|s3|gcs|hdfs|remote|remoteSecure|cluster|clusterAllReplicas|executable|mysql|postgresql|mongodb|redis|sqlite|odbc|jdbc|azureBlobStorage|iceberg|deltaLake|hudi|python|input)\w*\s*\(/i;

/** Throws a sentence when a statement does more than read tables. A list of words, not the engine's own rule. */
export function requireReadOnly(sql: string): string {
  const bare = sql
    .replace(/'(?:[^'\\]|\\.|'')*'|--[^\n]*|\/\*[\s\S]*?\*\//g, ' ')
    .replace(/[`"]/g, '')
    .trim()
    .replace(/;\s*$/, '');
  if (bare.includes(';')) throw new Error('one statement at a time: remove the semicolon');
  if (!FIRST.test(bare)) throw new Error('only SELECT, WITH, SHOW, DESCRIBE, EXPLAIN and EXISTS are allowed here');
  const found = WORDS.exec(bare) ?? SOURCES.exec(bare);
  if (found !== null || /#|\$/.test(bare)) throw new Error(`"${found?.[0] ?? '# or $'}" is not allowed in a query: it only reads tables`);
  return sql.trim().replace(/;\s*$/, '');
}
