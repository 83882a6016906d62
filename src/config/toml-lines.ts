/**
 * The line of every key of a TOML text, counted from 1: the parser does not tell. Keys are as a path: `spool.fsync`, `service[0].real[1].weight`. A table in braces has
 * the line of its opening brace. Of a text that the parser took; what it does not find has no line.
 */
export function tomlLines(text: string): Map<string, number> {
  const lines = new Map<string, number>();
  const counts = new Map<string, number>();
  let section = '';
  let array: { key: string; depth: number; index: number } | undefined;
  text.split('\n').forEach((line, i) => {
    const number = i + 1;
    if (array !== undefined) {
      array = bracesOf(line, number, array, lines);
      return;
    }
    const tables = /^\s*\[\[\s*([^\]]+?)\s*\]\]/.exec(line);
    const table = /^\s*\[\s*([^[\]]+?)\s*\]/.exec(line);
    if (tables !== null) {
      const name = indexed(plain(tables[1] ?? ''), counts);
      const index = counts.get(name) ?? 0;
      counts.set(name, index + 1);
      if (index === 0) lines.set(name, number);
      lines.set(`${name}[${index}]`, number);
      section = `${name}[${index}].`;
    } else if (table !== null) {
      const name = indexed(plain(table[1] ?? ''), counts);
      lines.set(name, number);
      section = `${name}.`;
    } else {
      const key = /^\s*([A-Za-z0-9_."'\s-]+?)\s*=(.*)$/.exec(line);
      if (key === null) return;
      const name = section + plain(key[1] ?? '');
      lines.set(name, number);
      if (/^\s*\[/.test(key[2] ?? '')) array = bracesOf(key[2] ?? '', number, { key: name, depth: 0, index: 0 }, lines);
    }
  });
  return lines;
}

/** `service.real` is of the last service: `service[2].real`. */
function indexed(name: string, counts: ReadonlyMap<string, number>): string {
  let path = '';
  const parts = name.split('.');
  parts.forEach((part, i) => {
    path += (path === '' ? '' : '.') + part;
    const count = counts.get(path);
    if (count !== undefined && i < parts.length - 1) path += `[${count - 1}]`;
  });
  return path;
}

/** Walks over a line of an array of tables in braces. Undefined at the array's end. */
function bracesOf(
  line: string,
  number: number,
  array: { key: string; depth: number; index: number },
  lines: Map<string, number>,
): { key: string; depth: number; index: number } | undefined {
  let { depth, index } = array;
  // Strings and comments hold no brackets of ours.
  for (const sign of line.replace(/"(?:[^"\\]|\\.)*"|'[^']*'/g, '').replace(/#.*$/, '')) {
    if (sign === '[') depth++;
    else if (sign === ']') {
      depth--;
      if (depth === 0) return undefined;
    } else if (sign === '{') {
      if (depth === 1) lines.set(`${array.key}[${index++}]`, number);
      depth++;
    } else if (sign === '}') depth--;
  }
  return { key: array.key, depth, index };
}

function plain(key: string): string {
  return key.replace(/["'\s]/g, '');
}
