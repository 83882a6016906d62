import { join } from 'node:path';
import { pause, WAIT_MS } from '../support/patience.js';
import { ownRate } from './clickhouse.js';
import { cpuSeconds, peakMegabytes } from './processes.js';
import { rounded, Setup } from './setup.js';

export interface PipelineOptions {
  /** Connections that the engine makes; about twice as many events. */
  readonly connections: number;
}

/** Engine load → socket → spool → embedded store → rows counted by SQL; then what ClickHouse alone does with the same bytes. */
export async function pipeline(options: PipelineOptions, say: (line: string) => void): Promise<Record<string, unknown>> {
  const setup = new Setup();
  try {
    say('starting the collector and its store');
    await setup.startCollector();
    await setup.introduce();
    const before = await setup.count('conn_events');
    const pids = { collector: setup.collector.pid, store: setup.storePid };
    const cpuBefore = { collector: cpuSeconds(pids.collector), store: cpuSeconds(pids.store) };
    say(`loading ${options.connections} connections as fast as they go`);
    const begin = performance.now();
    const capture = await setup.startCapture([
      ...['--source', 'engine', '--load', '--load-rate', '0', '--load-connections', String(options.connections)],
    ]);
    const [, told] = await capture.saying(/the load is over: \d+ connections, (\d+) events of connections/);
    const events = Number(told);
    say(`${events} events are made; waiting until SQL has them`);
    let rows = 0;
    for (let last = performance.now(); rows < events; await pause(100, 'a query costs time, too')) {
      const now = (await setup.count('conn_events')) - before;
      if (now !== rows) {
        rows = now;
        last = performance.now();
      } else if (performance.now() - last > WAIT_MS) break;
    }
    const seconds = (performance.now() - begin) / 1000;
    const cpu = {
      capture: cpuSeconds(capture.pid),
      collector: cpuSeconds(pids.collector) - cpuBefore.collector,
      store: cpuSeconds(pids.store) - cpuBefore.store,
    };
    const rss = { capture: peakMegabytes(capture.pid), collector: peakMegabytes(pids.collector) };
    await setup.stopCapture();
    await setup.stopCollector();
    say('loading the same bytes into ClickHouse alone');
    const own = await ownRate(setup.store, join(setup.dir, 'data/spool'), setup.dir);
    const perSecond = rows / seconds;
    const each = (spent: number): number => rounded((spent * 1e6) / events, 3);
    return {
      events,
      seconds: rounded(seconds),
      events_per_s: Math.round(perSecond),
      lost: events - rows,
      clickhouse_rows_per_s: Math.round(own.rowsPerSecond),
      ratio: rounded(perSecond / own.rowsPerSecond, 3),
      cpu_us: { capture: each(cpu.capture), collector: each(cpu.collector), store: each(cpu.store) },
      rss_mb: { capture: Math.round(rss.capture), collector: Math.round(rss.collector) },
      bytes_per_event: rounded(own.storedBytes / events, 1),
    };
  } finally {
    await setup.end();
  }
}
