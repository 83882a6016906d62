/** An answer in JSONCompact as the page gets it. */
interface Compact {
  readonly meta: unknown;
  readonly data: readonly unknown[];
  readonly rows: number;
}

/** `"rows": 10001` before what the engine says last. */
const ROWS = /"rows":\s*(\d+)/g;
/** The number of rows is in the last so many bytes. */
const TAIL = 1024;

/** An answer in JSONCompact with the first `most` rows; with a word of it, `cut`, where there were more. One that has no more stays as it came. */
export function cutAnswer(answer: Uint8Array, most: number): Uint8Array {
  const tail = Buffer.from(answer.subarray(-TAIL)).toString('utf8');
  const rows = Number([...tail.matchAll(ROWS)].at(-1)?.[1] ?? 0);
  if (rows <= most) return answer;
  // Whole numbers that JavaScript would round are texts in it.
  const { meta, data } = JSON.parse(Buffer.from(answer).toString('utf8')) as Compact;
  return Buffer.from(JSON.stringify({ meta, data: data.slice(0, most), rows: most, cut: true }));
}
