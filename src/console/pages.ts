import type { IncomingMessage } from 'node:http';

/** Paths of pages: all are the one page, which finds out itself which it is. */
const PAGES = /^\/(?:|overview|services|drains|connections|reports(?:\/\w+)?|story|changes|knobs|sql|health)$/;

export function isPage(pathname: string): boolean {
  return PAGES.test(pathname);
}

/** The path of a page, with what it asks, as an address may have it; undefined: it is of none, or of another host. */
export function pageOf(path: string): string | undefined {
  const target = `http://console${path}`;
  if (!path.startsWith('/') || !URL.canParse(target)) return undefined;
  const { pathname, search, host } = new URL(target);
  return host === 'console' && isPage(pathname) ? pathname + search : undefined;
}

/** Whether a browser asks for a page, so that a path which has none is answered with one that says so; scripts and programs get a sentence in JSON. */
export function wantsPage(request: IncomingMessage, path: string): boolean {
  const { method = 'GET', headers } = request;
  const [pathname = ''] = path.split('?');
  // What has an extension is a file.
  const page = !pathname.startsWith('/api/') && !/\.\w+$/.test(pathname);
  return (method === 'GET' || method === 'HEAD') && page && /\btext\/html\b/.test(headers.accept ?? '');
}
