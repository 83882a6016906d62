/** An error in ClickHouse's own words: `Code: N. DB::Exception: ... (NAME)`. */
export class ClickHouseException extends Error {
  override readonly name = 'ClickHouseException';
  /** ClickHouse's error code. */
  readonly code: number;
  /** Its name, such as READONLY; empty: not known. */
  readonly label: string;

  constructor(code: number, label: string, message: string) {
    super(message);
    this.code = code;
    this.label = label;
  }
}

const BAD_REQUEST =
  'BAD_ARGUMENTS CANNOT_COMPILE_REGEXP CANNOT_PARSE_TEXT CANNOT_PARSE_ESCAPE_SEQUENCE CANNOT_PARSE_QUOTED_STRING CANNOT_PARSE_DATE CANNOT_PARSE_DATETIME CANNOT_PARSE_NUMBER CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING CANNOT_PARSE_IPV4 CANNOT_PARSE_IPV6 CANNOT_PARSE_INPUT_ASSERTION_FAILED CANNOT_PARSE_UUID DUPLICATE_COLUMN ILLEGAL_COLUMN UNKNOWN_ELEMENT_IN_AST UNKNOWN_TYPE_OF_AST_NODE THERE_IS_NO_COLUMN TOO_DEEP_AST TOO_BIG_AST UNEXPECTED_AST_STRUCTURE SYNTAX_ERROR INCORRECT_DATA TYPE_MISMATCH VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE';
const NOT_FOUND =
  'UNKNOWN_TABLE UNKNOWN_FUNCTION UNKNOWN_IDENTIFIER UNKNOWN_TYPE UNKNOWN_STORAGE UNKNOWN_DATABASE UNKNOWN_SETTING UNKNOWN_DIRECTION_OF_SORTING UNKNOWN_AGGREGATE_FUNCTION UNKNOWN_FORMAT UNKNOWN_DATABASE_ENGINE UNKNOWN_TYPE_OF_QUERY UNKNOWN_ROLE';
const FORBIDDEN = 'UNKNOWN_USER WRONG_PASSWORD AUTHENTICATION_FAILED SET_NON_GRANTED_ROLE ACCESS_DENIED';
// The last two are ours: the engine is away, or busy, and clients should come again.
const UNAVAILABLE = 'SOCKET_TIMEOUT CANNOT_OPEN_FILE CANNOT_SCHEDULE_TASK NETWORK_ERROR TOO_MANY_SIMULTANEOUS_QUERIES';

/** HTTP's status by the name of the error, as ClickHouse has it. */
const STATUS = new Map<string, number>([
  ...[...pairs(BAD_REQUEST, 400), ...pairs(NOT_FOUND, 404), ...pairs(FORBIDDEN, 403), ...pairs(UNAVAILABLE, 503)],
  ...[
    ...pairs('REQUIRED_PASSWORD', 401),
    ...pairs('QUERY_IS_TOO_LARGE', 413),
    ...pairs('NOT_IMPLEMENTED', 501),
    ...pairs('TIMEOUT_EXCEEDED', 408),
  ],
]);

function pairs(names: string, status: number): [string, number][] {
  return names.split(' ').map((name) => [name, status]);
}

/** The HTTP status of an answer that is an error. */
export function statusOf({ label }: ClickHouseException): number {
  return STATUS.get(label) ?? 500;
}

/** What the engine said, as an exception. */
export function exceptionOf(text: string): ClickHouseException {
  const code = Number(/Code: (\d+)\./.exec(text)?.[1] ?? 1000); // POCO_EXCEPTION: what has no code of its own
  const label = /\(([A-Z][A-Z0-9_]+)\)(?!.*\([A-Z][A-Z0-9_]+\))/s.exec(text)?.[1] ?? '';
  const message = text
    .replace(/Code: \d+\. DB::Exception: /g, '')
    .replace(/ ?\(version [^)]*\)/g, '')
    .replace(/\.? ?\([A-Z][A-Z0-9_]+\)\.?/g, '')
    .replace(/^default: /, '')
    .trim()
    .replace(/[.\s]+$/, '');
  return new ClickHouseException(code, label, message);
}

/** The text of an answer that is an error. */
export function exceptionText({ code, label, message }: ClickHouseException, version: string): string {
  const closed = /[.!?]$/.test(message) ? message : `${message}.`;
  return `Code: ${code}. DB::Exception: ${closed}${label === '' ? '' : ` (${label})`} (version ${version} (vslog))\n`;
}
