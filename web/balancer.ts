import { useEffect, useState } from 'preact/hooks';
import { get, type Mark, type Service } from './api.ts';
import { useAnswer } from './ask.ts';

/** Between two looks, ms, and how many are kept for the charts. */
const EVERY_MS = 2000;
const KEPT = 300;

/** The services at a time. */
export interface Look {
  /** Unix time, ms. */
  readonly at: number;
  readonly services: readonly Service[];
}

export interface Balancer {
  /** Oldest first. */
  readonly looks: readonly Look[];
  /** A sentence while the balancer cannot be looked at. */
  readonly problem: string | undefined;
}

let balancer: Balancer = { looks: [], problem: undefined };
const listeners = new Set<(balancer: Balancer) => void>();
let timer: ReturnType<typeof setTimeout> | undefined;

async function look(): Promise<void> {
  try {
    const services = await get<readonly Service[]>('/api/services');
    balancer = { looks: [...balancer.looks, { at: Date.now(), services }].slice(-KEPT), problem: undefined };
  } catch (error) {
    balancer = { ...balancer, problem: error instanceof Error ? error.message : String(error) };
  }
  for (const tell of listeners) tell(balancer);
  timer = listeners.size > 0 ? setTimeout(() => void look(), EVERY_MS) : undefined;
}

/** The virtual services and real servers, looked at for as long as a page shows them. */
export function useBalancer(): Balancer {
  const [now, setNow] = useState(balancer);
  useEffect(() => {
    listeners.add(setNow);
    if (timer === undefined) {
      timer = setTimeout(() => undefined, 0);
      void look();
    }
    return () => void listeners.delete(setNow);
  }, []);
  return now;
}

/** What was changed since so long ago (`1h`), or since a time; for charts. */
export function useMarks(since: string, until = 'now'): readonly Mark[] {
  const asked = useAnswer(
    `changes ${since} ${until}`,
    (signal) => get<readonly Mark[]>(`/api/changes?${new URLSearchParams({ since, until })}`, signal),
    10_000,
  );
  return asked.answer ?? NONE;
}

const NONE: readonly Mark[] = [];

/** One line a real server: its active connections over the looks. */
export function activeLines(
  looks: readonly Look[],
  only?: string,
): { readonly name: string; readonly unit: 'count'; readonly values: (number | null)[] }[] {
  const names = new Set<string>();
  const at = looks.map(({ services }) => {
    const active = new Map<string, number>();
    for (const { name, reals } of services)
      if (only === undefined || name === only)
        for (const real of reals) {
          names.add(real.name);
          active.set(real.name, (active.get(real.name) ?? 0) + real.active);
        }
    return active;
  });
  return [...names].sort().map((name) => ({ name, unit: 'count', values: at.map((active) => active.get(name) ?? null) }));
}
