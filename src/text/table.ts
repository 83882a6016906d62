import { eastAsianWidth } from 'get-east-asian-width';

/** A column of a table for people. */
export interface TableColumn {
  readonly title: string;
  /** Numbers stand at the right. */
  readonly right?: boolean;
  /** Where the terminal is too narrow the column with the highest number goes first. Undefined: it always stays. */
  readonly priority?: number;
  /** It may be shortened with `…` to so many characters, before any column goes. Undefined: it is shown whole or not at all. */
  readonly min?: number;
}

export interface TableStyle {
  /** Characters in a line; undefined: as wide as it is, for a pipe. */
  readonly width: number | undefined;
  /** Default: true. */
  readonly headers?: boolean;
  /** How titles are shown. */
  bold(text: string): string;
}

/** A drawn table. */
export interface DrawnTable {
  readonly text: string;
  /** Titles of columns that had no room. */
  readonly hidden: readonly string[];
  /** One row is wider than the terminal even without them: it is shown as blocks, a line a column. */
  readonly vertical: boolean;
}

const GAP = '  ';
/** Our own colours: ECMA-48, SGR. */
const SGR = `${String.fromCharCode(27)}\\[[0-9;]*m`;
const COLOUR = new RegExp(SGR, 'g');
const [LEADING, TRAILING] = [new RegExp(`^(?:${SGR})*`), new RegExp(`(?:${SGR})*$`)];
const PLAIN = /^[\x20-\x7e]*$/;

/** What terminals draw over two columns though it begins with a narrow character: RGI emoji, and what asks for that form. */
const EMOJI = /\p{Emoji_Presentation}|\ufe0f/u;
/** What takes no column of its own: marks over a letter, joiners, controls. */
const NOTHING = /^[\p{Mark}\p{Control}\p{Format}]+$/u;
/** Made when a text first needs it: most lists are plain. */
let letters: Intl.Segmenter | undefined;

/** Columns of the terminal that a text takes, our colours aside: Unicode Standard Annex 11, a letter with its marks (Annex 29) at once. */
export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  const bare = text.replace(COLOUR, '');
  if (PLAIN.test(bare)) return bare.length;
  letters ??= new Intl.Segmenter();
  let width = 0;
  for (const { segment } of letters.segment(bare))
    if (!NOTHING.test(segment)) width += EMOJI.test(segment) ? 2 : eastAsianWidth(segment.codePointAt(0) ?? 0);
  return width;
}

/** A text that takes no more columns than `width`; what is cut off is `…`. Colours around the whole text stay. */
export function shortened(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  const [before = ''] = LEADING.exec(text) ?? [];
  const [after = ''] = TRAILING.exec(text) ?? [];
  let [cut, taken] = ['', 0];
  for (const character of text.replace(COLOUR, '')) {
    const wide = widthOf(character);
    if (taken + wide > width - 1) break;
    cut += character;
    taken += wide;
  }
  return `${before}${cut}…${after}`;
}

/** Lines of aligned columns without a frame: they can be read, cut and compared. Cells must be single lines. */
export function drawTable(columns: readonly TableColumn[], rows: readonly (readonly string[])[], style: TableStyle): DrawnTable {
  const natural = columns.map(({ title }, at) =>
    rows.reduce((most, row) => Math.max(most, widthOf(row[at] ?? '')), style.headers === false ? 0 : widthOf(title)),
  );
  const { shown, widths } = fitted(columns, natural, style.width);
  const hidden = columns.flatMap(({ title }, at) => (shown.includes(at) ? [] : [title]));
  const total = shown.reduce((sum, at) => sum + (widths[at] ?? 0), 0) + GAP.length * Math.max(0, shown.length - 1);
  if (style.width !== undefined && total > style.width) return { text: drawBlocks(columns, rows, style), hidden: [], vertical: true };
  const line = (cells: readonly string[], paint: (text: string) => string): string =>
    shown
      .map((at, i) => {
        const cell = shortened(cells[at] ?? '', widths[at] ?? 0);
        const room = ' '.repeat((widths[at] ?? 0) - widthOf(cell));
        // No blanks at the end of a line.
        return columns[at]?.right === true ? `${room}${paint(cell)}` : `${paint(cell)}${i === shown.length - 1 ? '' : room}`;
      })
      .join(GAP)
      .trimEnd();
  const titles =
    style.headers === false
      ? []
      : [
          line(
            columns.map(({ title }) => title),
            style.bold,
          ),
        ];
  return { text: [...titles, ...rows.map((row) => line(row, (text) => text))].map((one) => `${one}\n`).join(''), hidden, vertical: false };
}

/** A block a row: a line a column, the titles below one another. A value that is too long for the terminal goes on in the next line, below its begin. */
export function drawBlocks(columns: readonly TableColumn[], rows: readonly (readonly string[])[], style: TableStyle): string {
  const width = Math.max(0, ...columns.map(({ title }) => widthOf(title)));
  // Below that a value cannot be read any more.
  const room = Math.max(16, (style.width ?? Number.POSITIVE_INFINITY) - width - GAP.length);
  const block = (row: readonly string[]): string =>
    columns
      .flatMap(({ title }, at) =>
        folded(row[at] ?? '', room).map((part, line) => {
          const head = line === 0 ? `${style.bold(title)}${' '.repeat(width - widthOf(title))}` : ' '.repeat(width);
          return `${head}${GAP}${part}`.trimEnd();
        }),
      )
      .join('\n');
  return rows.map((row) => `${block(row)}\n`).join('\n');
}

/** A text in pieces that take no more columns than `room`. Colours are left out of what must be folded. */
function folded(text: string, room: number): string[] {
  if (widthOf(text) <= room) return [text];
  const pieces: string[] = [];
  let [piece, taken] = ['', 0];
  for (const character of text.replace(COLOUR, '')) {
    const wide = widthOf(character);
    if (taken + wide > room && piece !== '') {
      pieces.push(piece);
      [piece, taken] = ['', 0];
    }
    piece += character;
    taken += wide;
  }
  return [...pieces, piece];
}

/** Which columns are shown, and how wide each is: first what may be shortened is, then the least important goes, until all fit. */
function fitted(
  columns: readonly TableColumn[],
  natural: readonly number[],
  width: number | undefined,
): { readonly shown: readonly number[]; readonly widths: readonly number[] } {
  let shown = columns.map((_column, at) => at);
  if (width === undefined) return { shown, widths: natural };
  for (;;) {
    const widths = [...natural];
    let over = shown.reduce((sum, at) => sum + (natural[at] ?? 0), 0) + GAP.length * Math.max(0, shown.length - 1) - width;
    // The widest of those that may be shortened gives first.
    while (over > 0) {
      const giver = shown
        .filter((at) => columns[at]?.min !== undefined && (widths[at] ?? 0) > Math.max(columns[at]?.min ?? 0, 1))
        .sort((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0))[0];
      if (giver === undefined) break;
      widths[giver] = (widths[giver] ?? 0) - 1;
      over--;
    }
    if (over <= 0) return { shown, widths };
    const last = shown.reduce<number | undefined>((found, at) => {
      const priority = columns[at]?.priority;
      if (priority === undefined) return found;
      return found === undefined || priority >= (columns[found]?.priority ?? 0) ? at : found;
    }, undefined);
    if (last === undefined) return { shown, widths };
    shown = shown.filter((at) => at !== last);
  }
}
