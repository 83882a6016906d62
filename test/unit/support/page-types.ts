import { readFileSync } from 'node:fs';

/** The fields of an interface in web/api.ts, sorted: what the page reads of an answer. Throws when there is no such interface. */
export function fieldsOfPage(name: string): string[] {
  const [, body] = new RegExp(`export interface ${name} \\{\\n([\\s\\S]*?)\\n\\}`).exec(readFileSync('web/api.ts', 'utf8')) ?? [];
  if (body === undefined) throw new Error(`web/api.ts has no interface ${name}.`);
  // Those within an object are indented deeper.
  return [...body.matchAll(/^ {2}readonly (\w+):/gm)].map(([, field = '']) => field).sort();
}
