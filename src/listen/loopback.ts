import type { IncomingMessage } from 'node:http';
import { isIPv4 } from 'node:net';

/** Whether an address, or a name, is of this machine only. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  return bare === 'localhost' || bare === '::1' || (isIPv4(bare) && bare.startsWith('127.'));
}

/**
 * Whether a browser could have been made to send this by a page of somebody else's: it names that page, or it asked for a name that leads here but is not ours
 * (DNS rebinding). A sentence, or undefined when all is well. Only where no password is asked for: nobody else's page knows it. `opened`: it only opens a page of ours.
 */
export function foreignPage(request: IncomingMessage, opened = false): string | undefined {
  const { host, origin } = request.headers;
  const name = host === undefined ? undefined : /^(\[[0-9a-fA-F:]+\]|[^:]+)(?::\d+)?$/.exec(host)?.[1];
  if (name === undefined || !isLoopback(name.toLowerCase()))
    return `The request is for ${JSON.stringify(host ?? '')}, which is not a name of this machine's loopback: ask for localhost or 127.0.0.1, or set a password.`;
  if (origin !== undefined && origin !== `http://${host}`) return 'Requests of web pages from elsewhere are refused.';
  if (!opened && request.headers['sec-fetch-site'] === 'cross-site') return 'Requests of web pages from elsewhere are refused.';
  return undefined;
}

/** Whether a browser is to show the answer as a page of its own, as it does with a link that was followed: the page that the link was in learns nothing of it. */
export function opensPage({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
}
