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
