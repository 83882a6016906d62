import type { IncomingMessage, ServerResponse } from 'node:http';
import { secretOf } from '../listen/authorization.js';
import type { Guard } from '../listen/guard.js';
import type { Holder } from '../listen/keyring.js';
import { opensPage } from '../listen/loopback.js';
import { ConsoleError } from './errors.js';
import { Links } from './links.js';
import { Sessions } from './sessions.js';

/** Who asks. */
export interface Visitor {
  /** Whose token the request bears, where it bears one. */
  readonly holder: Holder | undefined;
  /** When the session ends that let him in, ms since 1970. */
  readonly endsMs?: number;
}

const WRONG = 'This token is none of ours: it must be that in reader.token of collector.data_dir, or one of console.token_file.';
const CROWD = 'Too many wrong tokens: come again in a second.';

/**
 * Who may look, and who may change something. To look takes a token, or a session that came from one or from a link that worked once; to change something takes an operating token
 * with each request. Pages of somebody else's are refused in either case, whatever their browser would send along.
 */
export class Access {
  private readonly guard: Guard;
  readonly sessions: Sessions;
  readonly links: Links;

  constructor(guard: Guard, { sessions = new Sessions(), links = new Links() }: { sessions?: Sessions; links?: Links } = {}) {
    this.guard = guard;
    this.sessions = sessions;
    this.links = links;
  }

  /** Something may be changed at all. */
  get settable(): boolean {
    return this.guard.keys.operates;
  }

  /** Throws ConsoleError when the request is not from our own page. A link in somebody else's page may lead to ours; what ours asks for, nobody else may. */
  refuseForeign(request: IncomingMessage, pathname: string): void {
    const foreign = this.guard.foreign(request, opensPage(request) && !pathname.startsWith('/api/'));
    if (foreign !== undefined) throw new ConsoleError(403, foreign);
  }

  /** Rejects with ConsoleError when it is not somebody who may look. */
  async admit(request: IncomingMessage, response: ServerResponse): Promise<Visitor> {
    const secret = secretOf(request.headers.authorization);
    const endsMs = secret === undefined ? this.sessions.endOf(request.headers.cookie) : undefined;
    if (endsMs !== undefined) return { holder: undefined, endsMs };
    const admission = await this.guard.admit(secret, response);
    if (admission.in) return admission;
    if (admission.why === 'crowd') throw new ConsoleError(429, CROWD);
    // A browser that reads WWW-Authenticate for a script of ours would ask for a name and a password in a window of its own.
    const script = request.headers['sec-fetch-mode'] !== undefined;
    response.setHeader(
      'www-authenticate',
      script ? 'Bearer realm="vslog"' : ['Bearer realm="vslog"', 'Basic realm="vslog", charset="UTF-8"'],
    );
    throw new ConsoleError(
      401,
      admission.why === 'wrong'
        ? WRONG
        : 'A token or a session is asked for: "vslog console" prints a link for a browser; a program says Authorization: Bearer TOKEN, with that in reader.token of collector.data_dir or one of console.token_file.',
    );
  }

  /** Lets a browser in that followed a link; what Set-Cookie says. Rejects with ConsoleError when the link is none, which is slowed as a wrong token is. */
  async followLink(code: string, response: ServerResponse): Promise<string> {
    if (this.links.use(code)) return this.sessions.begin();
    if (!(await this.guard.slow(response))) throw new ConsoleError(429, CROWD);
    throw new ConsoleError(401, 'This link was used already, or is too old: "vslog console" prints another.');
  }

  /** Lets a browser in whose person typed a token; what Set-Cookie says. Rejects with ConsoleError. */
  async enter(token: string, response: ServerResponse): Promise<string> {
    const admission = await this.guard.admit(token, response);
    if (admission.in) return this.sessions.begin();
    throw new ConsoleError(admission.why === 'crowd' ? 429 : 401, admission.why === 'crowd' ? CROWD : WRONG);
  }

  /** Who asks for a change. Throws ConsoleError when nobody may, or this one may not. */
  changer({ holder }: Visitor): string {
    if (!this.settable)
      throw new ConsoleError(
        403,
        'This console only shows: start the collector with --console-token-file, then changes can be made with a token.',
      );
    if (holder?.operates === true) return holder.name;
    throw holder === undefined
      ? new ConsoleError(401, 'To change something takes a token of console.token_file.')
      : new ConsoleError(403, 'This token only reads: to change something takes another one of console.token_file.');
  }
}
