import { BelievedClock, type ClockSources } from './believed-clock.js';
import { machineClocks, readClock } from './memory.js';

/** The clock of the collector of this spool, as it was left. A file that cannot be read is none. */
export async function openClock(spoolDirectory: string, sources: ClockSources = machineClocks()): Promise<BelievedClock> {
  return new BelievedClock(sources, await readClock(spoolDirectory).catch(() => undefined));
}
