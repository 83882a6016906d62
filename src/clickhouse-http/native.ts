import { Transform, type TransformCallback } from 'node:stream';
import { splitList } from '../store/columns.js';
import { ClickHouseException } from './exception.js';

// What a client may say by client_protocol_version: from these revisions on, blocks of format Native carry more. The embedded engine writes the oldest form.
const WITH_BLOCK_INFO = 51_903;
const WITH_CUSTOM_SERIALIZATION = 54_454;
/** Field 1, is_overflows: no. Field 2, bucket_num: -1. End. */
const BLOCK_INFO = Buffer.from([1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0]);

/** Bytes of a value, of types that have a fixed size. */
const SIZES = new Map<string, number>([
  ...['UInt8', 'Int8', 'Bool', 'Enum8', 'Nothing'].map((name) => [name, 1] as const),
  ...['UInt16', 'Int16', 'Enum16', 'Date', 'BFloat16'].map((name) => [name, 2] as const),
  ...['UInt32', 'Int32', 'Float32', 'Date32', 'DateTime', 'IPv4', 'Decimal32', 'Time'].map((name) => [name, 4] as const),
  ...['UInt64', 'Int64', 'Float64', 'DateTime64', 'Decimal64', 'Time64'].map((name) => [name, 8] as const),
  ...['UInt128', 'Int128', 'UUID', 'IPv6', 'Decimal128'].map((name) => [name, 16] as const),
  ...['UInt256', 'Int256', 'Decimal256'].map((name) => [name, 32] as const),
]);

/** The buffer ends before the block does. */
class Short extends Error {}

/** Reads past values of one buffer. */
class Walker {
  readonly bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  skip(count: number): void {
    if (this.at + count > this.bytes.length) throw new Short();
    this.at += count;
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.bytes[this.at];
      if (byte === undefined) throw new Short();
      this.at++;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  text(): string {
    const length = this.varint();
    const from = this.at;
    this.skip(length);
    return this.bytes.toString('utf8', from, this.at);
  }

  uint64(): number {
    this.skip(8);
    return Number(this.bytes.readBigUInt64LE(this.at - 8));
  }
}

interface Type {
  readonly name: string;
  readonly args: readonly string[];
}

function parse(text: string): Type {
  const open = text.indexOf('(');
  return open < 0 ? { name: text, args: [] } : { name: text.slice(0, open), args: splitList(text.slice(open + 1, -1)) };
}

/** The type of a tuple's element, which may have a name. */
function element(text: string): string {
  return /^(?:`(?:[^`\\]|\\.)*`|\w+) (.+)$/s.exec(text)?.[1] ?? text;
}

/** The types within a type whose values follow its own. */
function inner({ name, args }: Type): readonly string[] {
  switch (name) {
    case 'Nullable':
    case 'Array':
      return args;
    case 'SimpleAggregateFunction':
      return args.slice(1);
    case 'Tuple':
      return args.map(element);
    case 'Map':
      return [`Array(Tuple(${args.join(', ')}))`];
    default:
      return [];
  }
}

/** What is written once, before the values of a column. */
function skipPrefix(walker: Walker, text: string): void {
  const type = parse(text);
  if (type.name === 'LowCardinality') walker.skip(8);
  for (const one of inner(type)) skipPrefix(walker, one);
}

/** Bytes of a value; undefined: they are not always as many. */
function sizeOf({ name, args }: Type): number | undefined {
  if (name === 'FixedString') return Number(args[0]);
  if (name === 'Decimal') return decimalSize(Number(args[0]));
  return name.startsWith('Interval') ? 8 : SIZES.get(name);
}

function skipValues(walker: Walker, text: string, rows: number): void {
  const type = parse(text);
  const [first = ''] = type.args;
  const size = sizeOf(type);
  if (size !== undefined) walker.skip(size * rows);
  else if (type.name === 'String') for (let i = 0; i < rows; i++) walker.skip(walker.varint());
  else if (type.name === 'LowCardinality') skipDictionary(walker, first, rows);
  else if (type.name === 'Nullable') {
    walker.skip(rows);
    skipValues(walker, first, rows);
  } else if (type.name === 'Array') {
    walker.skip(8 * rows);
    skipValues(walker, first, rows === 0 ? 0 : Number(walker.bytes.readBigUInt64LE(walker.at - 8)));
  } else {
    const parts = inner(type);
    if (parts.length === 0)
      throw new ClickHouseException(
        48,
        'NOT_IMPLEMENTED',
        `Type ${text} cannot be sent here in format Native: use another format, or CAST it`,
      );
    for (const one of parts) skipValues(walker, one, rows);
  }
}

/** The distinct values, then a position among them for each row. */
function skipDictionary(walker: Walker, text: string, rows: number): void {
  if (rows === 0) return;
  const width = 2 ** (walker.uint64() % 256);
  skipValues(walker, /^Nullable\((.*)\)$/s.exec(text)?.[1] ?? text, walker.uint64());
  walker.skip(walker.uint64() * width);
}

function decimalSize(precision: number): number {
  return precision <= 9 ? 4 : precision <= 18 ? 8 : precision <= 38 ? 16 : 32;
}

/** One block that begins at `at`, as a revision has it, and where the next one begins. Throws Short. */
function convert(bytes: Buffer, at: number, revision: number): { readonly parts: Buffer[]; readonly end: number } {
  const walker = new Walker(bytes, at);
  const columns = walker.varint();
  const rows = walker.varint();
  const parts = [BLOCK_INFO, bytes.subarray(at, walker.at)];
  for (let i = 0; i < columns; i++) {
    const from = walker.at;
    walker.text();
    const type = walker.text();
    const values = walker.at;
    if (rows > 0) {
      skipPrefix(walker, type);
      skipValues(walker, type, rows);
    }
    parts.push(bytes.subarray(from, values));
    if (revision >= WITH_CUSTOM_SERIALIZATION) parts.push(Buffer.alloc(1));
    parts.push(bytes.subarray(values, walker.at));
  }
  return { parts, end: walker.at };
}

/** Turns blocks of format Native as the engine writes them into blocks of a client's revision; undefined where that is the same. */
export function nativeForRevision(revision: number): Transform | undefined {
  if (revision < WITH_BLOCK_INFO) return undefined;
  let rest: Buffer = Buffer.alloc(0);
  /** So many bytes a block has at least, since fewer were not enough. */
  let wanted = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let at = 0;
      try {
        while (at < rest.length && rest.length - at > wanted) {
          const { parts, end } = convert(rest, at, revision);
          for (const part of parts) this.push(part);
          at = end;
          wanted = 0;
        }
      } catch (error) {
        // Doubled, so that a block that comes in many chunks is not walked for each of them.
        if (!(error instanceof Short)) return done(error as Error);
        wanted = 2 * (rest.length - at);
      }
      rest = rest.subarray(at);
      done();
    },
    flush(done) {
      let at = 0;
      try {
        while (at < rest.length) {
          const { parts, end } = convert(rest, at, revision);
          for (const part of parts) this.push(part);
          at = end;
        }
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
}
