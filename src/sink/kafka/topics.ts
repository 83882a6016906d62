import type { KafkaConnection } from './connection.js';
import { KafkaFailure } from './failure.js';
import { EVENT_SCHEMA, HEADERS } from './message.js';

/** Around the records of a batch: its header, what compression can add to what cannot be compressed, and room for a broker that counts more than we do. */
const OVERHEAD = 256;

/** Most bytes of records that a batch for this topic may have before compression; infinite when the topic does not tell. */
export async function largestBatch(connection: KafkaConnection, topic: string): Promise<number> {
  try {
    const config = await connection.config(topic, ['max.message.bytes']);
    const most = Number(config.get('max.message.bytes') ?? Number.NaN);
    return Number.isFinite(most) ? Math.max(1, most - OVERHEAD - (most >> 8)) : Number.POSITIVE_INFINITY;
  } catch (error) {
    // To write, one need not be allowed to see a topic's settings.
    if (error instanceof KafkaFailure && error.kind === 'forbidden') return Number.POSITIVE_INFINITY;
    throw error;
  }
}

/** Rejects when the newest message of a partition is of another version of the schema, or none of ours. */
export async function checkSchema(connection: KafkaConnection, topic: string): Promise<void> {
  for (let partition = 0; partition < connection.partitions(topic); partition++) {
    const { first, end } = await connection.offsets(topic, partition);
    if (end <= first) continue;
    await connection.read(topic, partition, end - 1, end, ({ headers }) => {
      const found = headers[HEADERS.schema]?.toString();
      if (found === String(EVENT_SCHEMA)) return;
      const what =
        found === undefined
          ? 'messages that are not of vslog'
          : `events of schema version ${found}, and this vslog writes version ${EVENT_SCHEMA}`;
      throw new KafkaFailure(
        'later',
        `Topic ${topic} has ${what}: choose another kafka.topic_prefix${found === undefined ? '' : ', or the vslog that fits'}.`,
      );
    });
  }
}
