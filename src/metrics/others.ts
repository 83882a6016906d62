import type { MetricsAccount } from '../api/status.js';
import { plural, wholeText } from '../text/format.js';

/** Says who has no series of their own in /metrics; undefined: everybody has. */
export function othersText({ limit, services, servers }: MetricsAccount): string | undefined {
  const parts = [
    ...(services.other > 0 ? [plural(services.other, 'virtual service')] : []),
    ...(servers.other > 0 ? [plural(servers.other, 'real server')] : []),
  ];
  if (parts.length === 0) return undefined;
  const one = services.other + servers.other === 1;
  return `${parts.join(' and ')} ${one ? 'has no series of its own and is' : 'have no series of their own and are'} counted as "other": metrics.series is ${wholeText(limit)}.`;
}
