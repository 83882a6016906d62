import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Asset } from './assets.js';
import { ConsoleError } from './errors.js';
import { isPage, wantsPage } from './pages.js';

/** Answers with the file at a path; a browser at a path without one gets the page at 404, which says what there is. Throws ConsoleError. */
export function sendFile(assets: ReadonlyMap<string, Asset>, pathname: string, request: IncomingMessage, response: ServerResponse): void {
  if (assets.size === 0)
    throw new ConsoleError(503, 'The page was not built: run npm run build in the checkout, then start the collector again.');
  const file = isPage(pathname) ? '/' : pathname;
  const found = assets.get(file);
  const asset = found ?? (wantsPage(request, pathname) ? assets.get('/') : undefined);
  if (asset === undefined) throw new ConsoleError(404, `There is nothing at ${pathname}.`);
  const head = { 'content-type': asset.type, 'content-length': asset.bytes.length };
  const body = request.method === 'HEAD' ? undefined : asset.bytes;
  if (found === undefined) {
    response.writeHead(404, { ...head, 'cache-control': 'no-store' }).end(body);
    return;
  }
  response.setHeader('etag', asset.etag);
  response.setHeader('cache-control', 'no-cache');
  if (request.headers['if-none-match'] === asset.etag) response.writeHead(304).end();
  else response.writeHead(200, head).end(body);
}
