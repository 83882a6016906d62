import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Holder, Keyring } from './keyring.js';
import { foreignOrigin, foreignPage } from './loopback.js';
import { Penalty } from './penalty.js';

/** What became of a request at a listener. `holder`: undefined where it is open to everybody. */
export type Admission =
  | { readonly in: true; readonly holder: Holder | undefined }
  /** `none`: no secret came; `wrong`: it is none of ours; `crowd`: nor is it, and too many wait already to be told so. */
  | { readonly in: false; readonly why: 'none' | 'wrong' | 'crowd' };

export interface GuardOptions {
  readonly keys: Keyring;
  /** Only this machine reaches the listener. */
  readonly loopback: boolean;
  /** No secret is asked for. */
  readonly open: boolean;
  readonly penalty?: Penalty;
}

/** Who gets in at one listener: the same rule for all of them. */
export class Guard {
  readonly keys: Keyring;
  readonly loopback: boolean;
  readonly open: boolean;
  private readonly penalty: Penalty;

  constructor({ keys, loopback, open, penalty = new Penalty() }: GuardOptions) {
    this.keys = keys;
    this.loopback = loopback;
    this.open = open;
    this.penalty = penalty;
  }

  /** A sentence when a page of somebody else's could have made a browser send this. `opened`: it only opens a page of ours. */
  foreign(request: IncomingMessage, opened = false): string | undefined {
    return this.loopback ? foreignPage(request, opened) : foreignOrigin(request, opened);
  }

  /** A wrong secret has to wait for its answer. */
  async admit(secret: string | undefined, response: ServerResponse): Promise<Admission> {
    if (secret === undefined) return this.open ? { in: true, holder: undefined } : { in: false, why: 'none' };
    const holder = this.keys.find(secret);
    if (holder !== undefined) return { in: true, holder };
    return { in: false, why: (await this.slow(response)) ? 'wrong' : 'crowd' };
  }

  /** Lets a client wait that gave something wrong; resolves to false at once where too many wait. */
  slow(response: ServerResponse): Promise<boolean> {
    return this.penalty.serve(response);
  }
}
