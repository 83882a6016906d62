import { useEffect, useState } from 'preact/hooks';

export interface Asked<T> {
  readonly answer: T | undefined;
  readonly error: string | undefined;
  readonly busy: boolean;
}

/** Asks again whenever `key` changes, and every `everyMs` when that is given; what is no longer wanted is cancelled. */
export function useAnswer<T>(key: string, ask: (signal: AbortSignal) => Promise<T>, everyMs?: number): Asked<T> {
  const [state, setState] = useState<Asked<T>>({ answer: undefined, error: undefined, busy: true });
  useEffect(() => {
    const gone = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const run = async (): Promise<void> => {
      setState((before) => ({ ...before, busy: true }));
      try {
        const answer = await ask(gone.signal);
        if (!gone.signal.aborted) setState({ answer, error: undefined, busy: false });
      } catch (error) {
        if (!gone.signal.aborted)
          setState((before) => ({ answer: before.answer, error: error instanceof Error ? error.message : String(error), busy: false }));
      }
      if (!gone.signal.aborted && everyMs !== undefined) timer = setTimeout(() => void run(), everyMs);
    };
    void run();
    return () => {
      gone.abort();
      clearTimeout(timer);
    };
  }, [key]);
  return state;
}
