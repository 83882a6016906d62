import { relative } from 'node:path';
import type { ConsoleLink } from '../api/console-link.js';
import type { Config } from '../config/load.js';
import { thisMachine } from '../config/load.js';
import { optionOf } from '../config/schema.js';
import type { ChosenSource } from './capture-source.js';
import type { SourceName } from './native.js';

/** How a person runs us: as `vslog`, or as the file that node was given. */
export function ownName(): string {
  const script = process.argv[1] ?? 'vslog';
  return /\.[jt]s$/.test(script) ? `node ${relative(process.cwd(), script)}` : 'vslog';
}

/** What `auto` would rather have watched. */
const WATCHED: Readonly<Partial<Record<SourceName, string>>> = {
  ipvs: "the kernel's balancer",
  conntrack: "the kernel's connection tracking",
};

/** What runs and why, where that is not what one might have expected. Plain lines. */
export function sourceText({ plan, auto, instead, demonstration }: ChosenSource): string[] {
  const lines = instead.map(({ source, sentence }) => `Not ${WATCHED[source] ?? source}: ${sentence}`);
  if (plan.source === 'ipvs' && plan.services.length > 0) {
    lines.push(
      `The kernel's balancer is here and is watched; the services from ${plan.services[0]?.origin} on are for --source engine and do not run.`,
    );
  }
  const begin = (text: string): string => (instead.length === 0 ? text.charAt(0).toUpperCase() + text.slice(1) : `Instead, ${text}`);
  if (plan.source === 'conntrack' && auto) {
    lines.push(
      begin(
        "the kernel's connection tracking is watched: each connection that it tracks in this network namespace, with its addresses before and after translation, from its first packet to its end.",
      ),
      'For a small demonstration of a balancer, which needs nothing of the kernel: --source engine.',
    );
  }
  if (demonstration !== undefined) {
    lines.push(
      begin(
        `vslog's own balancer runs with a demonstration: http://127.0.0.1:${demonstration.httpPort}/ leads to the echo servers A, B and C (wrr, weights 3, 2 and 1), UDP port ${demonstration.udpPort} too, and a client asks about once a second.`,
      ),
    );
  } else if (plan.source === 'engine' && auto) {
    lines.push(
      begin(`vslog's own balancer runs${plan.services.length === 0 ? '.' : `, with ${plan.services.map(({ at }) => at).join(', ')}.`}`),
    );
  }
  return lines;
}

/** The way to the console. */
export function consoleText({ url, seconds }: ConsoleLink): string {
  return `Console: ${url}\n  It works once, within ${seconds / 60} min; "${ownName()} console" prints another.`;
}

/** The commands to try next. `sql`: there is a store to ask. */
export function nextSteps(config: Config, { plan, demonstration }: ChosenSource, { sql }: { sql: boolean }): string[] {
  const vslog = ownName();
  const socket = config.values['collector.api_socket'];
  const at = socket === optionOf('collector.api_socket').default(thisMachine()) ? '' : ` --api-socket ${socket}`;
  const query = (columns: string): string => `${vslog} sql${at} "select ${columns} from connections order by start desc limit 10"`;
  if (plan.source === 'conntrack') {
    const columns = 'start, protocol_name, client_addr, client_port, virtual_addr, virtual_port, real_addr, duration_s, outcome';
    return [`${vslog} tail${at}`, ...(sql ? [query(columns)] : [])];
  }
  const first = plan.services[0]?.at;
  if (plan.source !== 'engine' || first === undefined) return [];
  const http = demonstration === undefined ? undefined : `curl http://127.0.0.1:${demonstration.httpPort}/`;
  const [, protocol, address] = /^(\w+):\/\/(.*)$/.exec(first) ?? [];
  return [
    ...(http === undefined ? [] : [http]),
    ...(protocol === 'fwmark' ? [] : [`${vslog} tail${at} --vs ${address}`]),
    ...(sql ? [query('start, client_addr, client_port, real_addr, real_port, duration_s, outcome')] : []),
  ];
}
