import { readFileSync, writeFileSync } from 'node:fs';
import { expect, vi } from 'vitest';
import { type Listing, peopleText } from '../../../src/cli/listing.js';
import { widthOf } from '../../../src/text/table.js';

/** Where the pictures of lists stand. */
const PAGE = new URL('../../../docs/terminal.md', import.meta.url);
/** How wide terminals are, and a pipe. */
const SCREENS: readonly { readonly name: string; readonly width: number | undefined }[] = [
  { name: '80 columns', width: 80 },
  { name: '120 columns', width: 120 },
  { name: 'In a pipe', width: undefined },
];

/** What a command prints of these rows on terminals of 80 and 120 columns, with the note that goes to standard error, and into a pipe. No line is wider than its terminal. */
export function picturesOf<R>(command: string, listing: Listing<R>, rows: readonly R[]): string {
  return SCREENS.map(({ name, width }) => {
    let notes = '';
    const told = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      notes += String(text);
      return true;
    });
    const text = peopleText(listing, rows, { output: 'table' }, { width });
    told.mockRestore();
    if (width !== undefined)
      for (const line of text.split('\n')) expect(widthOf(line), `${command} at ${width}: ${line}`).toBeLessThanOrEqual(width);
    return `${name}:\n\`\`\`text\n$ vslog ${command}${width === undefined ? ' | cat' : ''}\n${notes}${text}\`\`\`\n`;
  }).join('\n');
}

/** Holds the page's section of a command against these pictures; writes it anew where VSLOG_UPDATE_DOCS is 1. */
export function expectPictured(command: string, pictures: string): void {
  const page = readFileSync(PAGE, 'utf8');
  const section = new RegExp(`(\\n## ${command}\\n\\n)([\\s\\S]*?)(?=\\n## |$)`);
  expect(page, `docs/terminal.md has no section ${command}`).toMatch(section);
  const now = page.replace(section, (_all, head: string) => `${head}${pictures}`);
  if (process.env.VSLOG_UPDATE_DOCS === '1') writeFileSync(PAGE, now);
  expect(readFileSync(PAGE, 'utf8')).toBe(now);
}
