import { useEffect, useState } from 'preact/hooks';

export interface Place {
  readonly path: string;
  readonly query: URLSearchParams;
}

const here = (): Place => ({ path: location.pathname, query: new URLSearchParams(location.search) });

/** Goes to a page of ours, so that it can be linked to and gone back from. */
export function go(to: string, replace = false): void {
  if (replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  dispatchEvent(new PopStateEvent('popstate'));
}

export function usePlace(): Place {
  const [place, setPlace] = useState(here);
  useEffect(() => {
    const moved = (): void => setPlace(here());
    addEventListener('popstate', moved);
    // Links within the page do not load it again.
    const clicked = (event: MouseEvent): void => {
      const link = (event.target as Element | null)?.closest('a');
      if (
        link === null ||
        link === undefined ||
        link.origin !== location.origin ||
        link.hasAttribute('download') ||
        link.hash !== '' ||
        event.metaKey ||
        event.ctrlKey ||
        event.shiftKey
      )
        return;
      event.preventDefault();
      go(link.pathname + link.search);
    };
    document.addEventListener('click', clicked);
    return () => {
      removeEventListener('popstate', moved);
      document.removeEventListener('click', clicked);
    };
  }, []);
  return place;
}
