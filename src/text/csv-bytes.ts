const [COMMA, LINE_FEED] = [',', '\n'].map((character) => character.charCodeAt(0));
const FORMULA_BYTES = new Set([...'=+-@\t\n'].map((character) => character.charCodeAt(0)));

/** CSV of ClickHouse's, which quotes every text and no number, with the single quote before each text that a spreadsheet would take for a formula. */
export function withoutFormulas(csv: Buffer): Buffer {
  const parts: Buffer[] = [];
  let [taken, quoted] = [0, false];
  for (let at = csv.indexOf('"'); at !== -1; at = csv.indexOf('"', at + 1)) {
    quoted = !quoted; // a quote within a text is doubled, so it opens what it has closed
    const opens = quoted && (at === 0 || csv[at - 1] === COMMA || csv[at - 1] === LINE_FEED);
    if (!opens || !FORMULA_BYTES.has(csv[at + 1] ?? 0)) continue;
    parts.push(csv.subarray(taken, at + 1), Buffer.from("'"));
    taken = at + 1;
  }
  return parts.length === 0 ? csv : Buffer.concat([...parts, csv.subarray(taken)]);
}
