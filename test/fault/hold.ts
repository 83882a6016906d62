import { CaptureClient, type Position } from '../../src/wire/client.js';
import { until } from '../support/patience.js';

/** Name of the durable subscription. */
const NAME = 'older-copy';

/**
 * Has the capture keep everything after a position, whatever the collector acknowledges: the journal drops what every durable subscriber has acknowledged, and
 * `capture.journal_size` alone does not change that. An older copy of the collector's disk can thus be filled up again. Without a position: everything from the oldest
 * record that is kept. It retries until the capture answers.
 */
export async function holdJournal(socket: string, after?: Position): Promise<void> {
  let why = '';
  await until(
    'a capture that keeps what an older copy lacks',
    async () => {
      const client = new CaptureClient({ path: socket, software: 'vslog-fault' });
      try {
        await client.connect();
        const { skipped } = await client.subscribeDurable(NAME, after);
        if (skipped > 0n) throw new Missing(`The journal lacks ${skipped} events that an older copy of the disk needs.`);
        return true;
      } catch (error) {
        if (error instanceof Missing) throw error;
        why = (error as Error).message;
        return undefined;
      } finally {
        client.close();
      }
    },
    { detail: () => why },
  );
}

/** The run's own setup is wrong: a larger journal is needed. */
class Missing extends Error {}
