import type { IncomingMessage } from 'node:http';
import { isIPv4 } from 'node:net';

const REFUSED = 'Requests of web pages from elsewhere are refused.';

/** Whether an address, or a name, is of this machine only. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  return bare === 'localhost' || bare === '::1' || (isIPv4(bare) && bare.startsWith('127.'));
}

/** Whether a browser says that a page of another origin asks. `same-site` is another port of this machine, which may be another user's. */
function isElsewhere({ headers: { 'sec-fetch-site': site } }: IncomingMessage): boolean {
  return site === 'cross-site' || site === 'same-site';
}

/**
 * On loopback: whether a browser could have been made to send this by a page of somebody else's: it names that page, or it asked for a name that leads here but is not ours
 * (DNS rebinding). A sentence, or undefined when all is well. `opened`: it only opens a page of ours.
 */
export function foreignPage(request: IncomingMessage, opened = false): string | undefined {
  const { host, origin } = request.headers;
  const name = host === undefined ? undefined : /^(\[[0-9a-fA-F:]+\]|[^:]+)(?::\d+)?$/.exec(host)?.[1];
  if (name === undefined || !isLoopback(name.toLowerCase()))
    return `The request is for ${JSON.stringify(host ?? '')}, which is not a name of this machine's loopback: ask for localhost or 127.0.0.1.`;
  if (origin !== undefined && origin !== `http://${host}`) return REFUSED;
  if (!opened && isElsewhere(request)) return REFUSED;
  return undefined;
}

/** The same where others reach us, by names that we do not know; a proxy before us may speak TLS. */
export function foreignOrigin(request: IncomingMessage, opened = false): string | undefined {
  const { host, origin } = request.headers;
  const ours = origin === undefined || origin === `http://${host}` || origin === `https://${host}`;
  return ours && (opened || !isElsewhere(request)) ? undefined : REFUSED;
}

/** Whether a browser is to show the answer as a page of its own, as it does with a link that was followed: the page that the link was in learns nothing of it. */
export function opensPage({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
}

/** Whether a link in a page of somebody else's led here: then a browser sends no cookie along that is for our own pages only. */
export function followsForeignLink(request: IncomingMessage): boolean {
  return opensPage(request) && isElsewhere(request);
}
