/** What stands before the text of a line in two columns: `  name    `. */
const TERM = /^\s*\S+(?: \S+)*?\s{2,}(?=\S)/;
/** A command to type, and perhaps what it is for. */
const EXAMPLE = /^( {2}vslog .*?)(?:\s{3,}(\S.*))?$/;
const CONTINUED = ' \\';

/** A help text without lines that are wider than the terminal, but for words that are. A long command goes on in the next line, as a shell takes it. */
export function wrapped(text: string, width: number): string {
  const lines = text.split('\n');
  const out: string[] = [];
  for (let i = 0; i < lines.length; i++) {
    let line = lines[i] ?? '';
    if (line.length <= width) {
      out.push(line);
      continue;
    }
    const [, command, why] = EXAMPLE.exec(line) ?? [];
    if (command !== undefined) {
      out.push(
        ...flow(command, width - CONTINUED.length, '      ').map((part, at, all) => (at < all.length - 1 ? `${part}${CONTINUED}` : part)),
      );
      if (why !== undefined) out.push(...flow(`      ${why}`, width, '      '));
      continue;
    }
    // A paragraph was broken where it was written, for a wider terminal: what follows belongs to it.
    for (let next = lines[i + 1]; /^\S/.test(line) && next !== undefined && /^\S/.test(next); next = lines[i + 1]) {
      line = `${line} ${next}`;
      i++;
    }
    const term = TERM.exec(line)?.[0].length ?? 0;
    const indent = term > 0 ? term : blanksBefore(line);
    if (indent <= width / 2) out.push(...flow(line, width, ' '.repeat(indent)));
    else {
      // The first column leaves too little room beside it.
      if (term > 0) out.push(line.slice(0, term).trimEnd());
      out.push(...flow(`${NARROW}${line.slice(indent)}`, width, NARROW));
    }
  }
  return out.join('\n');
}

const NARROW = ' '.repeat(10);

function blanksBefore(line: string): number {
  return line.length - line.trimStart().length;
}

/** Breaks a line between words; the blanks within the first line stay as they are. */
function flow(line: string, width: number, indent: string): string[] {
  const out: string[] = [];
  let rest = line;
  while (rest.length > width) {
    const least = out.length === 0 ? Math.max(TERM.exec(line)?.[0].length ?? 0, blanksBefore(line) + 1) : indent.length + 1;
    let at = rest.lastIndexOf(' ', width);
    if (at < least) at = rest.indexOf(' ', Math.max(width, least));
    if (at < 0) break;
    out.push(rest.slice(0, at).trimEnd());
    rest = `${indent}${rest.slice(at).trimStart()}`;
  }
  return [...out, rest];
}
