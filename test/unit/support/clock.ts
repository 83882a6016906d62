import { BelievedClock } from '../../../src/clock/believed-clock.js';

/** A believed clock that stands at the time of the batches that tests make. */
export const CLOCK = new BelievedClock({ wall: () => 1_700_000_000_000, uptime: () => 0, boot: 'b' });
