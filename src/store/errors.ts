/** A sentence from ClickHouse, with its own code. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  /** ClickHouse's error code; 0: it gave none. */
  readonly code: number;
  /** What the engine said, word for word. */
  readonly original: string;

  constructor(message: string, code: number, original = message) {
    super(message);
    this.code = code;
    this.original = original;
  }
}

/** The engine's process is not there, or not yet: what was asked may work later. */
export class EngineUnavailable extends Error {
  override readonly name: string = 'EngineUnavailable';
}

/** The engine ended while it ran the statement. */
export class EngineEnded extends EngineUnavailable {
  override readonly name = 'EngineEnded';
  /** Id of the query that it was ended for; undefined: it was no query. */
  readonly culprit: string | undefined;

  constructor(message: string, culprit: string | undefined) {
    super(message);
    this.culprit = culprit;
  }
}

/** A person's query was ended because its answer became too large. */
export class AnswerTooLarge extends Error {
  override readonly name = 'AnswerTooLarge';
}

/** Why an answer of more than `quota` bytes is refused, a sentence; `most`: what an answer may have where others leave enough. */
export function tooLarge(quota: number, most = quota): string {
  const size = quota >= 1024 * 1024 ? `${Math.floor(quota / 1024 / 1024)} MiB` : `${quota} bytes`;
  return quota < most
    ? `The answer is larger than ${size}, which is what other answers leave at this moment: ask again later, or narrow the query.`
    : `The answer is larger than ${size}, the most that is answered: narrow the query, choose fewer columns, or write LIMIT.`;
}

/** A person's query was ended, with the engine, because it did not end by itself. */
export class QueryOutlived extends Error {
  override readonly name = 'QueryOutlived';
}

/** Makes one sentence of what the engine says: `Code: 60. DB::Exception: Unknown table x. (UNKNOWN_TABLE)` becomes `Unknown table x (ClickHouse 60, UNKNOWN_TABLE).` */
export function engineError(text: string): EngineError {
  const code = Number(/Code: (\d+)\./.exec(text)?.[1] ?? 0);
  const name = /\(([A-Z][A-Z0-9_]+)\)(?!.*\([A-Z][A-Z0-9_]+\))/s.exec(text)?.[1];
  const sentence = text
    .replace(/Code: \d+\. DB::Exception: /g, '')
    .replace(/ ?\(version [^)]*\)/g, '')
    .replace(/\.? ?\([A-Z][A-Z0-9_]+\)\.?/g, '')
    .replace(/^default: /, '')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[.\s]+$/, '');
  const message = code === 0 ? `${sentence}.` : `${sentence} (ClickHouse ${code}${name === undefined ? '' : `, ${name}`}).`;
  return new EngineError(message, code, text);
}

/**
 * Why the engine did not open its directory, from what it wrote: the cause at the end of its chain of errors, and where, without the statement that it was reading (a table's
 * whole definition).
 */
export function startError(text: string): EngineError {
  const [chain = ''] = text.split(/ from query |, Stack trace/);
  const codes = [...chain.matchAll(/Code: (\d+)\. DB::Exception: /g)];
  const last = codes.at(-1);
  const cause = last === undefined ? chain.trim().slice(0, 600) : chain.slice(last.index).slice(0, 600);
  const name = /\(([A-Z][A-Z0-9_]+)\)/.exec(text.slice(text.indexOf(cause) + cause.length))?.[1];
  return engineError(name === undefined || last === undefined || /\([A-Z][A-Z0-9_]+\)/.test(cause) ? cause : `${cause}. (${name})`);
}
