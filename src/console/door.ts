import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { followsForeignLink } from '../listen/loopback.js';
import { pageOf, wantsPage } from './pages.js';

const STYLE =
  ':root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{max-width:34rem;margin:12vh auto;padding:0 1rem}code{font-size:1.05em}input{font:inherit;width:100%;box-sizing:border-box;padding:.4rem}button{font:inherit;margin-top:.6rem;padding:.4rem 1rem}.wrong{font-weight:600}';

/** What the page before the console may do: it has no script, and its form goes to the console alone. */
export const DOOR_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`,
  // With none a browser would hide from us, too, that the form is our own.
  'referrer-policy': 'same-origin',
};

/** Where the form, and the links that work once, lead. */
export const ENTRANCE = '/enter';

/** What a browser that was not let in, for the reason of `sentence`, shows instead of a page of ours; undefined: it asks for something else, or is none. */
export function doorFor(request: IncomingMessage, sentence: string): string | undefined {
  const { method, url = '/', headers } = request;
  const entering = url === ENTRANCE || url.startsWith(`${ENTRANCE}/`);
  // Where there is no page, there is none afterwards either: what is asked for is the first one.
  const to = entering ? '/' : (pageOf(url) ?? (wantsPage(request, url) ? '/' : undefined));
  if (to === undefined || (method !== 'GET' && !entering) || !/\btext\/html\b/.test(headers.accept ?? '')) return undefined;
  // Who only comes by has done nothing wrong.
  const first = !entering && headers.authorization === undefined;
  return doorPage({ to, problem: first ? undefined : sentence, again: first && followsForeignLink(request) });
}

export interface Door {
  /** A sentence of what was wrong; undefined: nothing was, nobody has asked to be let in yet. */
  readonly problem?: string | undefined;
  /** The page that was asked for, to come back to. */
  readonly to: string;
  /** A link elsewhere led here, so the browser has kept our cookie back: it asks once more, of itself. */
  readonly again?: boolean;
}

/** The page for a browser that was not let in: how it gets in. */
export function doorPage({ problem, to, again = false }: Door): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
${again ? `<meta http-equiv="refresh" content="0;url=${escaped(to)}">\n` : ''}<title>vslog</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>vslog</h1>
${problem === undefined ? '' : `<p class="wrong" role="alert">${escaped(problem)}</p>\n`}<p>This console is for who may read the log: the collector's user, and the members of its <code>read_group</code>.</p>
<p>On the machine that vslog runs on, <code>vslog console</code> prints a link that opens it.</p>
<form method="post" action="${ENTRANCE}">
<input type="hidden" name="to" value="${escaped(to)}">
<p><label for="token">Or paste a token: that in the file <code>reader.token</code> of the data directory, or your own.</label></p>
<input id="token" name="token" type="password" autocomplete="off" required>
<button>Open</button>
</form>
</main>
</body>
</html>
`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
