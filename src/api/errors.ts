/** What the API answers when it cannot: `{code, message}` with an HTTP status. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** A word for programs: `bad_request`, `not_found`, `no_store`, `query_failed`, `capture_unreachable`, `failed`. */
  readonly code: string;
  /** HTTP's. */
  readonly status: number;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** A socket cannot be listened at, or nobody answers at it. */
export class SocketError extends Error {
  override readonly name = 'SocketError';
}
