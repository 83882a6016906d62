import { useEffect, useState } from 'preact/hooks';
import { get, type Mark, type Service } from './api.ts';
import { useAnswer } from './ask.ts';
import type { Sample } from './history.ts';
import type { Span } from './time.ts';
import { ZONE } from './zone.ts';

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

/** What was changed in a time; for charts. */
export function useMarks({ since, until }: Span): readonly Mark[] {
  const said = new URLSearchParams({ since, until: until === '' ? 'now' : until, zone: ZONE });
  const asked = useAnswer(`changes ${said}`, (signal) => get<readonly Mark[]>(`/api/changes?${said}`, signal), 10_000);
  return asked.answer ?? NONE;
}

const NONE: readonly Mark[] = [];

/** What the looks say of the lines of real servers with these names; one that has none of its own counts for `others`, where there is such a line. */
export function openSamples(looks: readonly Look[], names: readonly string[], others: string, only?: string): Sample[] {
  const known = new Set(names);
  return looks.map(({ at, services }) => {
    const values: Record<string, number> = known.has(others) ? { [others]: 0 } : {};
    for (const { name, reals } of services)
      if (only === undefined || name === only)
        for (const real of reals) {
          const line = known.has(real.name) ? real.name : others;
          if (known.has(line)) values[line] = (values[line] ?? 0) + real.active + real.inactive;
        }
    return { at, values };
  });
}
