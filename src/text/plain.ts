/**
 * Characters that a terminal obeys, that nobody sees, or that turn the direction of reading: Unicode's categories Cc, Cf, Zl and Zp, first and last of each range.
 * test/contract/hidden-characters.txt holds the same list, native/event/text.cc too; tests compare.
 */
const HIDDEN: readonly (readonly [number, number])[] = [
  [0x0000, 0x001f],
  [0x007f, 0x009f],
  [0x00ad, 0x00ad],
  [0x0600, 0x0605],
  [0x061c, 0x061c],
  [0x06dd, 0x06dd],
  [0x070f, 0x070f],
  [0x0890, 0x0891],
  [0x08e2, 0x08e2],
  [0x180e, 0x180e],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0xfeff, 0xfeff],
  [0xfff9, 0xfffb],
  [0x110bd, 0x110bd],
  [0x110cd, 0x110cd],
  [0x13430, 0x1343f],
  [0x1bca0, 0x1bca3],
  [0x1d173, 0x1d17a],
  [0xe0000, 0xe007f],
];

/** Nearly all text is other than this, and is not looked at twice. */
const SUSPECT = /[^ -~]/g;
const FIRST_SURROGATE = 0xd800;
const LAST_SURROGATE = 0xdfff;

/** A surrogate without its other half is no character. */
const isHidden = (code: number): boolean =>
  (code >= FIRST_SURROGATE && code <= LAST_SURROGATE) || HIDDEN.some(([first, last]) => code >= first && code <= last);

/** The text with each hidden character as `shown` has it. `kept`: how much of the text from a place on stays as it is, though it is hidden. */
function replaced(text: string, shown: (character: string) => string, kept: (text: string, at: number) => number): string {
  let out = '';
  let taken = 0;
  SUSPECT.lastIndex = 0;
  for (let found = SUSPECT.exec(text); found !== null; found = SUSPECT.exec(text)) {
    const at = found.index;
    const code = text.codePointAt(at) ?? 0;
    const size = code > 0xffff ? 2 : 1;
    const stays = isHidden(code) ? kept(text, at) : size;
    if (stays === 0) {
      out += text.slice(taken, at) + shown(text.slice(at, at + size));
      taken = at + size;
    }
    SUSPECT.lastIndex = at + (stays === 0 ? size : stays);
  }
  return taken === 0 ? text : out + text.slice(taken);
}

const hex = (code: number, digits = 1): string => code.toString(16).padStart(digits, '0');

/** As the capture writes it: `\x1b`, `\u202e`, `\u{e0041}`. */
function shown(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x80) return `\\x${hex(code, 2)}`;
  return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\u{${hex(code)}}`;
}

const nothing = (): number => 0;
const linesAndTabs = (text: string, at: number): number => (text[at] === '\n' || text[at] === '\t' ? 1 : 0);

/** Text from outside for one line: what a terminal obeys or nobody sees is shown as `\x1b`. Clean text comes back as it is. */
export const plainText = (text: string): string => replaced(text, shown, nothing);

/** The same before words of ours, such as `(pid 7)`: in double quotes where it could be taken for them. */
export const quotedText = (text: string): string => (/[(),"]/.test(text) ? `"${plainText(text).replaceAll('"', '\\"')}"` : plainText(text));

/** Text from outside of many lines: line feeds and tabs stay. */
export const plainLines = (text: string): string => replaced(text, shown, linesAndTabs);

/** A value of JSON with every text in it made plain. Names of fields stay as they are. */
export function plainValue<T>(value: T, plain: (text: string) => string = plainLines): T {
  if (typeof value === 'string') return plain(value) as T;
  if (Array.isArray(value)) return value.map((one: unknown) => plainValue(one, plain)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inside]) => [name, plainValue(inside as unknown, plain)])) as T;
}

/** What only we write: SGR with the colours that we use, and the cursor to the top of an empty screen. */
const ESCAPE = String.fromCharCode(0x1b);
const OURS = new RegExp(`${ESCAPE}\\[(?:(?:0|1|2|22|3[1-69]|38;5;\\d{2,3})m|H${ESCAPE}\\[2J)`, 'y');

function ours(text: string, at: number): number {
  if (text[at] === '\r') return text[at + 1] === '\n' ? 2 : 0;
  OURS.lastIndex = at;
  return linesAndTabs(text, at) || (OURS.exec(text)?.[0].length ?? 0);
}

/** As JSON writes it. */
const asJson = (character: string): string =>
  Array.from({ length: character.length }, (_, at) => `\\u${hex(character.charCodeAt(at), 4)}`).join('');

/**
 * A whole output, as the last look before it goes out: beside lines, tabs and our own colours no character that a terminal obeys is left. Each becomes `\u001b`, so that JSON
 * stays JSON and means the same.
 */
export const plainOutput = (text: string): string => replaced(text, asJson, ours);
