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

const hex = (code: number, digits = 1): string => code.toString(16).padStart(digits, '0');
const ranges = HIDDEN.map(([first, last]) => `\\u{${hex(first)}}-\\u{${hex(last)}}`).join('');
/** A surrogate without its other half is no character. */
const HIDDEN_CHARACTER = new RegExp(`[${ranges}\\ud800-\\udfff]`, 'gu');
const HIDDEN_BUT_LINES = new RegExp(`(?![\\n\\t])[${ranges}\\ud800-\\udfff]`, 'gu');

/** As the capture writes it: `\x1b`, `\u202e`, `\u{e0041}`. */
function shown(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x80) return `\\x${hex(code, 2)}`;
  return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\u{${hex(code)}}`;
}

/** Text from outside for one line: what a terminal obeys or nobody sees is shown as `\x1b`. Clean text comes back as it is. */
export const plainText = (text: string): string => text.replace(HIDDEN_CHARACTER, shown);

/** The same before words of ours, such as `(pid 7)`: in double quotes where it could be taken for them. */
export const quotedText = (text: string): string => (/[(),"]/.test(text) ? `"${plainText(text).replaceAll('"', '\\"')}"` : plainText(text));

/** Text from outside of many lines: line feeds and tabs stay. */
export const plainLines = (text: string): string => text.replace(HIDDEN_BUT_LINES, shown);

/** A value of JSON with every text in it made plain. Names of fields stay as they are. */
export function plainValue<T>(value: T, plain: (text: string) => string = plainLines): T {
  if (typeof value === 'string') return plain(value) as T;
  if (Array.isArray(value)) return value.map((one: unknown) => plainValue(one, plain)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inside]) => [name, plainValue(inside as unknown, plain)])) as T;
}

/** What only we write: SGR with the colours that we use, and the cursor to the top of an empty screen. */
const OURS = '\\u001b\\[(?:0|1|2|22|3[1-69]|38;5;\\d{2,3})m|\\u001b\\[H\\u001b\\[2J';
const NOT_OURS = new RegExp(`(${OURS}|\\r\\n|[\\n\\t])|[${ranges}\\ud800-\\udfff]`, 'gu');
const asJson = (character: string): string =>
  [...Array(character.length).keys()].map((at) => `\\u${hex(character.charCodeAt(at), 4)}`).join('');

/**
 * A whole output, as the last look before it goes out: beside lines, tabs and our own colours no character that a terminal obeys is left. Each becomes `\u001b`, so that JSON
 * stays JSON and means the same.
 */
export const plainOutput = (text: string): string =>
  text.replace(NOT_OURS, (found: string, ours: string | undefined) => (ours === undefined ? asJson(found) : found));
