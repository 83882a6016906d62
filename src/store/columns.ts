import type { Migration } from './migrate.js';

export interface Column {
  readonly name: string;
  /** As ClickHouse writes it in system.columns. */
  readonly type: string;
  /** It is computed: nothing is inserted into it. */
  readonly computed: boolean;
}

/** The type and whether it is computed, from what follows a column's name in a statement. */
function typed(definition: string): Omit<Column, 'name'> {
  const [type = ''] = definition.split(/ (?:CODEC|ALIAS|DEFAULT|MATERIALIZED|EPHEMERAL)\b/);
  return { type: canonical(type), computed: / (?:ALIAS|MATERIALIZED|EPHEMERAL)\b/.test(definition.replace(/'(?:[^'\\]|\\.)*'/g, '')) };
}

/** A type with the blanks that ClickHouse puts in. */
export function canonical(type: string): string {
  return type
    .trim()
    .replace(/'\s*=\s*(-?\d+)/g, "' = $1")
    .replace(/,\s*/g, ', ');
}

/** Splits at commas that are neither within brackets nor within quotes. */
export function splitList(list: string): string[] {
  const parts: string[] = [];
  let [depth, quoted, from] = [0, false, 0];
  for (let i = 0; i < list.length; i++) {
    const c = list[i];
    if (c === "'" && list[i - 1] !== '\\') quoted = !quoted;
    if (quoted) continue;
    if (c === '(') depth++;
    if (c === ')') depth--;
    if (c === ',' && depth === 0) {
      parts.push(list.slice(from, i));
      from = i + 1;
    }
  }
  return [...parts, list.slice(from)].map((part) => part.trim());
}

const NAME = '`?([\\w.]+)`?';

/** The columns that the migrations leave a table with, in order. A test holds this to what an engine makes of them. */
export function columnsOf(migrations: readonly Migration[], table: string): Column[] {
  const columns = new Map<string, Column>();
  const set = (name: string, definition: string): void => void columns.set(name, { name, ...typed(definition) });
  const created = new RegExp(`^CREATE TABLE (?:IF NOT EXISTS )?vslog\\.${table} \\(([\\s\\S]*)\\) ENGINE = `);
  const altered = new RegExp(`^ALTER TABLE vslog\\.${table} (ADD|MODIFY) COLUMN (?:IF NOT EXISTS )?${NAME} ([\\s\\S]*)$`);
  const dropped = new RegExp(`^ALTER TABLE vslog\\.${table} DROP COLUMN IF EXISTS ${NAME}$`);
  for (const sql of migrations.flatMap(({ statements }) => statements)) {
    const [, body] = created.exec(sql) ?? [];
    for (const part of body === undefined ? [] : splitList(body).filter((one) => !one.startsWith('INDEX '))) {
      const [, name = '', definition = ''] = new RegExp(`^${NAME} ([\\s\\S]*)$`).exec(part) ?? [];
      set(name, definition);
    }
    const [, , name, definition] = altered.exec(sql) ?? [];
    if (name !== undefined && definition !== undefined) set(name, definition);
    const [, gone] = dropped.exec(sql) ?? [];
    if (gone !== undefined) columns.delete(gone);
    if (new RegExp(`^DROP TABLE IF EXISTS vslog\\.${table}$`).test(sql)) columns.clear();
  }
  return [...columns.values()];
}
