import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drawTable } from '../../src/text/table.js';
import { remove, rounded } from './setup.js';
import { Namespace } from './storm-namespace.js';
import { conntrack, hearPeer, ulogd } from './storm-peers.js';
import { hearVslog } from './storm-vslog.js';

export interface StormOptions {
  readonly flows: number;
  /** Flows a second; undefined: as fast as they go. */
  readonly rate?: number;
}

/** What a program made of a storm. */
export interface Heard {
  /** Its records of NEW events, and of DESTROY events. */
  readonly create: number;
  readonly expire: number;
  /** How many events it said it did not get. */
  readonly reportedLost: number;
  /** Of all its processes, from when it listened. */
  readonly cpuSeconds: number;
  /** It ended before it was told to. */
  readonly exited: boolean;
  /** What only this program tells. */
  readonly further: Readonly<Record<string, unknown>>;
}

export interface Figures {
  readonly offered: number;
  readonly kept: number;
  readonly reported_lost: number;
  readonly silently_lost: number;
  /** CPU time an event that was kept; what ended early has not kept the rest. */
  readonly cpu_us: number;
  readonly cpu_us_offered: number;
  readonly exited: boolean;
  readonly create: number;
  readonly expire: number;
  readonly flows_per_s: number;
}

export interface StormFigures {
  readonly vslog: Figures;
  readonly conntrack: Figures;
  readonly ulogd: Figures;
  /** vslog's CPU over theirs. */
  readonly cpu_ratio: { readonly conntrack: number; readonly ulogd: number };
}

/** The same load in turn against each; every flow is a NEW and a DESTROY. */
export async function storm(options: StormOptions, say: (line: string) => void): Promise<StormFigures> {
  for (const program of ['conntrack', 'ulogd', 'nft', 'ip', 'nsenter', 'setpriv'])
    if (spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program]).status !== 0)
      throw new Error(`storm needs the program ${program}: run \`npm run setup -- --tests\``);
  const dir = mkdtempSync(join(tmpdir(), 'vslog-bench-'));
  process.once('exit', () => remove(dir));
  const namespace = await Namespace.make();
  const measure = async (name: string, hear: (load: () => Promise<void>) => Promise<Heard>): Promise<Figures> => {
    say(`${name}: ${options.flows} flows`);
    let rate = 0;
    const { create, expire, reportedLost, cpuSeconds, exited, further } = await hear(async () => {
      const { flows, seconds } = await namespace.storm(options.flows, options.rate);
      rate = flows / seconds;
    });
    const offered = 2 * options.flows;
    const kept = create + expire;
    return {
      offered,
      kept,
      reported_lost: reportedLost,
      silently_lost: Math.max(0, offered - kept - reportedLost),
      cpu_us: rounded((cpuSeconds * 1e6) / kept, 3),
      cpu_us_offered: rounded((cpuSeconds * 1e6) / offered, 3),
      exited,
      create,
      expire,
      flows_per_s: Math.round(rate),
      ...further,
    };
  };
  try {
    const ours = await measure('vslog', (load) => hearVslog(namespace, 2 * options.flows, load));
    const theirs = {
      conntrack: await measure('conntrack', (load) => hearPeer(conntrack, dir, namespace, load)),
      ulogd: await measure('ulogd', (load) => hearPeer(ulogd, dir, namespace, load)),
    };
    const ratio = ({ cpu_us }: Figures): number => rounded(ours.cpu_us / cpu_us, 3);
    return { vslog: ours, ...theirs, cpu_ratio: { conntrack: ratio(theirs.conntrack), ulogd: ratio(theirs.ulogd) } };
  } finally {
    await namespace.end();
    remove(dir);
  }
}

/** For people: a line a program. */
export function stormTable({ vslog, conntrack, ulogd, cpu_ratio }: StormFigures): string {
  const columns = ['offered', 'kept', 'reported_lost', 'silently_lost', 'cpu_us', 'exited'] as const;
  const rows = Object.entries({ vslog, conntrack, ulogd }).map(([name, figures]) => [
    name,
    ...columns.map((column) => String(figures[column])),
  ]);
  const { text } = drawTable(
    ['program', ...columns].map((title) => ({ title, right: title !== 'program' })),
    rows,
    { width: undefined, bold: (title) => title },
  );
  return `${text}\nvslog's CPU an event: ${cpu_ratio.conntrack} of conntrack's, ${cpu_ratio.ulogd} of ulogd's`;
}
