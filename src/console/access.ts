import type { IncomingMessage, ServerResponse } from 'node:http';
import { foreignPage, opensPage } from '../listen/loopback.js';
import { ConsoleError } from './errors.js';
import type { Tokens } from './tokens.js';

/**
 * Who may look, and who may change something. On loopback whoever reaches it may look; elsewhere only who bears a token. To change something takes a token everywhere.
 * Pages of somebody else's are refused in either case, whatever their browser would send along.
 */
export class Access {
  private readonly tokens: Tokens | undefined;
  private readonly loopback: boolean;

  constructor(tokens: Tokens | undefined, loopback: boolean) {
    this.tokens = tokens;
    this.loopback = loopback;
  }

  /** Something may be changed at all. */
  get settable(): boolean {
    return this.tokens !== undefined;
  }

  /** Whose token the request bears. */
  holderOf(request: IncomingMessage): string | undefined {
    return this.tokens?.holderOf(request.headers.authorization);
  }

  /** Throws ConsoleError when the request is not from our own page, or not from somebody who may look. */
  admit(request: IncomingMessage, response: ServerResponse, pathname: string): void {
    // A link in somebody else's page may lead to ours; what ours asks for, nobody else may.
    const opened = opensPage(request) && !pathname.startsWith('/api/');
    const foreign = this.loopback ? foreignPage(request, opened) : foreignOrigin(request, opened);
    if (foreign !== undefined) throw new ConsoleError(403, foreign);
    if (this.loopback || this.holderOf(request) !== undefined) return;
    response.setHeader('www-authenticate', 'Basic realm="vslog", charset="UTF-8"');
    throw new ConsoleError(401, 'A token is asked for: any name, and a token of console.token_file as the password.');
  }

  /** Who asks for a change. Throws ConsoleError when nobody may, or this one may not. */
  changer(request: IncomingMessage): string {
    if (this.tokens === undefined)
      throw new ConsoleError(
        403,
        'This console only shows: start the collector with --console-token-file, then changes can be made with a token.',
      );
    const holder = this.holderOf(request);
    if (holder === undefined)
      throw new ConsoleError(401, 'To change something takes a token of console.token_file, and this is none of them.');
    return holder;
  }
}

/** A browser says where a page is from whose script asks. */
function foreignOrigin({ headers: { host, origin, 'sec-fetch-site': site } }: IncomingMessage, opened: boolean): string | undefined {
  const ours = origin === undefined || origin === `http://${host}` || origin === `https://${host}`;
  return ours && (opened || site !== 'cross-site') ? undefined : 'Requests of web pages from elsewhere are refused.';
}
