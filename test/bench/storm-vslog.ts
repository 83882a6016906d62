import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bodyName, listSegments } from '../../src/spool/layout.js';
import { nextEvent } from '../../src/wire/batch.js';
import { toBigInt, v1 } from '../../src/wire/proto.js';
import { pause, until, WAIT_MS } from '../support/patience.js';
import { cpuSeconds, measurePrograms, Program, programSeconds } from './processes.js';
import { MAIN, rounded, Setup } from './setup.js';
import type { Heard } from './storm.js';
import type { Namespace } from './storm-namespace.js';

/** When as many events have come as there can be, this long no more, before the capture is ended. */
const QUIET_MS = 1500;
/** When less have come, this long no more, before the rest counts as lost. */
const LOST_MS = WAIT_MS / 4;

/** Of all flows of the storm (kSourcePort in storm_flows.cc). */
const SOURCE_PORT = 20_001;

interface Spooled {
  create: number;
  /** Ends that the kernel told. */
  expire: number;
  /** Ends of which only the table's silence tells: their event is one of the lost ones. */
  missed: number;
  /** Flows that were found in the table, or whose end came without their beginning. */
  snapshot: number;
  lost: number;
}

/** What lies in a spool, from its bytes. */
async function readSpool(dir: string): Promise<Spooled> {
  const found: Spooled = { create: 0, expire: 0, missed: 0, snapshot: 0, lost: 0 };
  const { EventKind, EndReason, ControlKind } = v1;
  for (const { id, record, hasBody } of await listSegments(dir)) {
    if (!hasBody) continue;
    const body = await readFile(join(dir, bodyName(id, record)));
    for (let at = 0; at < body.length; ) {
      const { start, end } = nextEvent(body, at);
      at = end;
      const bytes = body.subarray(start, end);
      if (record === 'control') {
        const event = v1.ControlEvent.decode(bytes);
        if (event.kind === ControlKind.Value.loss) found.lost += Number(toBigInt(event.lost));
        continue;
      }
      const { kind, reason, client_port } = v1.ConnEvent.decode(bytes);
      // The capture's own trial, whether anything is tracked here, is a flow too.
      if (client_port !== SOURCE_PORT) continue;
      if (kind === EventKind.Value.create) ++found.create;
      else if (kind === EventKind.Value.snapshot) ++found.snapshot;
      else if (kind === EventKind.Value.expire) ++found[reason === EndReason.Value.missed ? 'missed' : 'expire'];
    }
  }
  return found;
}

/** Lets capture, collector and spool take the events that `storm` makes, so many, without a store, and counts what is in the spool. */
export async function hearVslog(namespace: Namespace, offered: number, storm: () => Promise<void>): Promise<Heard> {
  const setup = new Setup();
  const measured = measurePrograms();
  try {
    await setup.startCollector({ VSLOG_STORE_KIND: 'none' });
    const capture = await setup.startCapture(['--source', 'conntrack'], namespace.prefix);
    await until('a capture that listens', async () => (await setup.api.status()).capture.connected && namespace.listens(), { everyMs: 20 });
    const { collector } = setup;
    const ended = (): boolean => capture.ended || collector.ended;
    const before = { capture: cpuSeconds(capture.pid), collector: cpuSeconds(collector.pid) };
    let spent = { capture: 0, collector: 0 };
    let inKernel = 0;
    const look = (): void => {
      if (ended()) return;
      spent = { capture: cpuSeconds(capture.pid) - before.capture, collector: cpuSeconds(collector.pid) - before.collector };
    };
    const looking = setInterval(look, 50);
    try {
      const { events: first } = (await setup.api.status()).counters;
      await storm();
      let events = -1;
      const quietMs = (): number => (events - first >= offered ? QUIET_MS : LOST_MS);
      for (let last = performance.now(); !ended() && performance.now() - last < quietMs(); await pause(200, 'the next look')) {
        const status = await setup.api.status();
        if (status.counters.events !== events || namespace.waiting() > 0 || status.lag_events !== 0) last = performance.now();
        events = status.counters.events;
      }
      look();
      if (!ended()) inKernel = programSeconds(capture.pid);
    } finally {
      clearInterval(looking);
    }
    const exited = ended();
    const dropped = namespace.dropped();
    const verified = exited ? undefined : await verify(setup);
    await setup.stopCapture();
    await setup.stopCollector();
    const { create, expire, missed, snapshot, lost } = await readSpool(join(setup.dir, 'data/spool'));
    return {
      create,
      expire,
      reportedLost: lost,
      cpuSeconds: spent.capture + spent.collector,
      exited,
      further: {
        dropped_by_kernel: dropped,
        snapshot,
        missed,
        // What the capture's program takes of the one who makes the event; it is no part of `cpu_us`, as the queueing for the others is none of theirs.
        program_us: rounded((inKernel * 1e6) / (create + expire), 3),
        cpu_s: { capture: rounded(spent.capture), collector: rounded(spent.collector) },
        verified: verified ?? null,
      },
    };
  } finally {
    measured();
    await setup.end();
  }
}

/** Whether the log's open connections are the kernel's table, by `vslog verify --source`; undefined when it could not tell. Needs the store, which now takes the spool. */
async function verify(setup: Setup): Promise<boolean | undefined> {
  await setup.stopCollector();
  await setup.startCollector();
  for (;;) {
    const { capture, sinks, lag_events } = await setup.api.status();
    if (capture.connected && lag_events === 0 && sinks.every((sink) => sink.lag_events === 0)) break;
    await pause(100, 'the store takes the spool');
  }
  const program = new Program(process.execPath, [MAIN, 'verify', '--source', '--json'], setup.env);
  await program.exit();
  const report = /^\{[\s\S]*^\}$/m.exec(program.said)?.[0];
  return report === undefined ? undefined : (JSON.parse(report) as { source?: { ok: boolean } }).source?.ok;
}
