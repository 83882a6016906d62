import { relative } from 'node:path';
import type { Config } from '../config/load.js';
import { thisMachine } from '../config/load.js';
import { optionOf } from '../config/schema.js';
import type { ChosenSource } from './capture-source.js';

/** How a person runs us: as `vslog`, or as the file that node was given. */
export function ownName(): string {
  const script = process.argv[1] ?? 'vslog';
  return /\.[jt]s$/.test(script) ? `node ${relative(process.cwd(), script)}` : 'vslog';
}

/** What runs and why, where that is not what one might have expected. Plain lines. */
export function sourceText({ plan, instead, demonstration }: ChosenSource): string[] {
  const lines: string[] = [];
  if (plan.source === 'ipvs' && plan.services.length > 0) {
    lines.push(
      `The kernel's balancer is here and is watched; the services from ${plan.services[0]?.origin} on are for --source engine and do not run.`,
    );
  }
  if (instead !== undefined) lines.push(`Not the kernel's balancer: ${instead}`);
  if (demonstration !== undefined) {
    lines.push(
      `${instead === undefined ? 'V' : 'Instead, v'}slog's own balancer runs with a demonstration: http://127.0.0.1:${demonstration.httpPort}/ leads to the echo servers A, B and C (wrr, weights 3, 2 and 1), UDP port ${demonstration.udpPort} too, and a client asks about once a second.`,
    );
  } else if (instead !== undefined) {
    lines.push(
      `Instead, vslog's own balancer runs${plan.services.length === 0 ? '.' : `, with ${plan.services.map(({ at }) => at).join(', ')}.`}`,
    );
  }
  return lines;
}

/** The commands to try next. `sql`: there is a store to ask. */
export function nextSteps(config: Config, { plan, demonstration }: ChosenSource, { sql }: { sql: boolean }): string[] {
  const first = plan.services[0]?.at;
  if (plan.source !== 'engine' || first === undefined) return [];
  const http = demonstration === undefined ? undefined : `curl http://127.0.0.1:${demonstration.httpPort}/`;
  const [, protocol, address] = /^(\w+):\/\/(.*)$/.exec(first) ?? [];
  const vslog = ownName();
  const socket = config.values['collector.api_socket'];
  const at = socket === optionOf('collector.api_socket').default(thisMachine()) ? '' : ` --api-socket ${socket}`;
  const query =
    'select start, client_addr, client_port, real_addr, real_port, duration_s, reason from connections order by start desc limit 10';
  return [
    ...(http === undefined ? [] : [http]),
    ...(protocol === 'fwmark' ? [] : [`${vslog} tail${at} --vs ${address}`]),
    ...(sql ? [`${vslog} sql${at} "${query}"`] : []),
  ];
}
