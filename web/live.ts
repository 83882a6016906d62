import { useEffect, useState } from 'preact/hooks';
import { plainLines, plainValue } from '../src/text/plain.ts';
import { get, type Status } from './api.ts';

/** So many seconds are kept for the charts. */
const KEPT = 300;
/** Before a stream that was refused is asked for again, ms. */
const AGAIN_MS = 2000;

export interface Live {
  /** Oldest first, about one a second. */
  readonly samples: readonly Status[];
  /** A sentence while nothing comes. */
  readonly problem: string | undefined;
}

let live: Live = { samples: [], problem: 'Connecting…' };
const listeners = new Set<(live: Live) => void>();
let source: EventSource | undefined;

function set(next: Live): void {
  live = next;
  for (const tell of listeners) tell(next);
}

/** One stream for the whole page, for as long as the page is open. */
function open(): void {
  if (source !== undefined) return;
  source = new EventSource('/api/live');
  source.addEventListener('status', ({ data }) => {
    const samples = [...live.samples, plainValue(JSON.parse(String(data)) as Status)].slice(-KEPT);
    set({ samples, problem: undefined });
  });
  source.addEventListener('problem', ({ data }) => set({ ...live, problem: plainLines(JSON.parse(String(data)) as string) }));
  source.addEventListener('error', () => {
    set({ ...live, problem: 'The collector does not answer; trying again.' });
    // A browser does not try again by itself what was refused, and does not tell why it was: who asks for something else is told.
    if (source?.readyState !== EventSource.CLOSED) return;
    source = undefined;
    setTimeout(() => void get('/api/session').then(open, open), AGAIN_MS);
  });
}

/** The collector's status of the last minutes, once a second. */
export function useLive(): Live {
  const [now, setNow] = useState(live);
  useEffect(() => {
    open();
    listeners.add(setNow);
    setNow(live);
    return () => void listeners.delete(setNow);
  }, []);
  return now;
}
