import { expect, test } from 'vitest';
import { Engine } from '../../src/store/embedded/engine.js';
import { kafkaStatements } from '../../src/store/kafka-ddl.js';
import { toLong, v1 } from '../../src/wire/proto.js';
import { KafkaBroker } from '../support/kafka/broker.js';
import { clientOf } from '../support/kafka/topics.js';
import { until } from '../support/patience.js';
import { withDirectory } from '../unit/support/temporary.js';
import { MIDNIGHT, shortConnections } from './store-segments.js';

test('ClickHouse fetches the events from a real broker itself, and a message that comes twice makes no row twice', () =>
  withDirectory(async (dir) => {
    const broker = await (await KafkaBroker.make({ fast: true })).start();
    const engine = new Engine({ dir, prepare: async () => undefined, sessions: {} });
    const kafka = clientOf(broker.brokers);
    const [admin, producer] = [kafka.admin(), kafka.producer()];
    try {
      await Promise.all([admin.connect(), producer.connect(), engine.start()]);
      const topics = [
        { topic: 'vslog.conn.v1', numPartitions: 2 },
        { topic: 'vslog.control.v1', numPartitions: 1 },
      ];
      await admin.createTopics({ topics, waitForLeaders: true });
      for (const sql of kafkaStatements({ brokers: broker.brokers, group: 'g' }, { database: 'vslog', cluster: undefined }))
        await engine.write(sql);

      const [pairs, perMessage] = [1000, 100];
      const events = shortConnections(pairs);
      const send = async (node: string, first: number): Promise<void> => {
        const headers = { node, epoch: 'e', first: String(first + 1), count: String(perMessage) };
        const value = Buffer.concat(events.slice(first, first + perMessage));
        await producer.send({ topic: 'vslog.conn.v1', messages: [{ partition: (first / perMessage) % 2, value, headers }] });
      };
      for (let first = 0; first < 2 * pairs; first += perMessage) await send('a', first);
      for (let first = 0; first < 2 * pairs; first += perMessage) await send('b', first);
      const loss = { kind: v1.ControlKind.Value.loss, time_ns: toLong(MIDNIGHT), sequence: toLong(2001n), lost: toLong(7n) };
      const control = Buffer.from(v1.ControlEvent.encodeDelimited(loss).finish());
      await producer.send({ topic: 'vslog.control.v1', messages: [{ value: control, headers: { node: 'a', epoch: 'e' } }] });
      const counts = (): Promise<string> =>
        engine.text(
          "SELECT (SELECT count() FROM vslog.conn_events FINAL), (SELECT count() FROM vslog.connections), (SELECT sum(lost) FROM vslog.control_events FINAL WHERE kind = 'loss')",
        );
      await until('all rows', async () => (await counts()) === `${4 * pairs}\t${2 * pairs}\t7`);

      // A replay, and behind it something new: when that has come, the replay has.
      for (let first = 0; first < 2 * pairs; first += perMessage) await send('a', first);
      for (const partition of [0, perMessage]) await send('c', partition);
      const behind = "SELECT count() FROM vslog.conn_events FINAL WHERE node = 'c'";
      await until('what is behind the replay', async () => (await engine.text(behind)) === String(2 * perMessage));
      expect(
        await engine.text(
          "SELECT node, count(), uniqExact(sequence), min(sequence), max(sequence), any(epoch) FROM vslog.conn_events FINAL WHERE node != 'c' GROUP BY node ORDER BY node",
        ),
      ).toBe(`a\t${2 * pairs}\t${2 * pairs}\t1\t${2 * pairs}\te\nb\t${2 * pairs}\t${2 * pairs}\t1\t${2 * pairs}\te`);
      expect(
        await engine.text("SELECT count(), countIf(is_open), countIf(reason = 'timeout') FROM vslog.connections WHERE node != 'c'"),
      ).toBe(`${2 * pairs}\t0\t${2 * pairs}`);
    } finally {
      await Promise.all([admin.disconnect(), producer.disconnect()]);
      await engine.close();
      await broker.stop();
    }
  }));
