import { reason } from '../api/listen.js';

/** Something that can listen. */
export interface Listener {
  /** Rejects with the system's error. */
  listen(port: number, host: string): Promise<unknown>;
}

export interface Listening {
  readonly host: string;
  readonly port: number;
  /** Somebody asked for this address: then it must be this one. */
  readonly wanted: boolean;
  /** For what, in a sentence: `metrics`. */
  readonly what: string;
  /** The flag that chooses another, without its dashes. */
  readonly flag: string;
}

/** Resolves to a sentence when it does not listen because a default address is not free. Rejects with a sentence when it cannot listen where it was asked to. */
export async function listenAt(listener: Listener, { host, port, wanted, what, flag }: Listening): Promise<string | undefined> {
  try {
    await listener.listen(port, host);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'EADDRINUSE' ? 'it is in use' : code === 'EADDRNOTAVAIL' ? 'this machine has no such address' : reason(error);
    const sentence = `${host}:${port} cannot be listened at for ${what}: ${why}; choose another by --${flag}`;
    if (wanted) throw new Error(`${sentence}, or none by an empty one.`, { cause: error });
    return `${sentence}. The collector goes on without.`;
  }
}
