/** The spool's directory is held by another process. */
export class SpoolInUseError extends Error {
  override readonly name = 'SpoolInUseError';
}

/** Batches could not be made durable: nothing of them was kept, and none may be acknowledged. It may work later. */
export class SpoolWriteError extends Error {
  override readonly name = 'SpoolWriteError';
  /** The system's code: ENOSPC, EIO, EDQUOT, ... */
  readonly code: string;

  constructor(message: string, code: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A segment's files do not say what was written to them. */
export class DamagedSegmentError extends Error {
  override readonly name = 'DamagedSegmentError';
}
