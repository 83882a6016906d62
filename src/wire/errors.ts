import { systemSentence } from '../text/system-error.js';

/** The byte stream from the capture is not what docs/wire.md says. The connection is of no further use. */
export class WireError extends Error {
  override readonly name = 'WireError';
  /** Where in the stream, counted from the connection's first byte. */
  readonly offset: number;

  constructor(message: string, offset: number, options?: ErrorOptions) {
    super(`${message} at offset ${offset} of the stream`, options);
    this.offset = offset;
  }
}

/** The capture answered a request by an error. */
export class CaptureRefusal extends Error {
  override readonly name = 'CaptureRefusal';
  /** An errno of Linux. */
  readonly code: number;
  /** The field of the request at fault, or `offset N`; may be empty. */
  readonly field: string;

  constructor(code: number, message: string, field: string) {
    super(message || `The capture refused the request (errno ${code}).`);
    this.code = code;
    this.field = field;
  }
}

/** The connection to the capture could not be made, or ended. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
}

/** What went wrong, as text for a person: of a file, folder or socket what the system says, and what to do. */
export function sentenceOf(error: unknown): string {
  return systemSentence(error) ?? (error instanceof Error ? error.message : String(error));
}
