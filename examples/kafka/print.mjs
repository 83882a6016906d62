// Prints every event of vslog's topics as a line of JSON, each once, and goes on where it ended.
//
//   node examples/kafka/print.mjs kafka:9092 [GROUP [FILE]]
//
// GROUP is the consumer group (default vslog-print). FILE keeps which events were printed: Kafka brings some again after a consumer ended, and those are left out.
// Ends on SIGINT and SIGTERM, and says then which sequences are missing.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import kafkajs from 'kafkajs';
import { eachBatch, History, registerCodecs, topicName } from 'vslog/consumer';

const [brokers, groupId = 'vslog-print', file] = process.argv.slice(2);
if (brokers === undefined) {
  console.error('usage: print.mjs HOST:PORT,... [GROUP [FILE]]');
  process.exit(2);
}

registerCodecs(); // kafkajs itself knows gzip only
const kafka = new kafkajs.Kafka({ clientId: 'vslog-print', brokers: brokers.split(','), logLevel: kafkajs.logLevel.ERROR });
const consumer = kafka.consumer({ groupId });
const history = new History(file !== undefined && existsSync(file) ? { state: JSON.parse(readFileSync(file, 'utf8')) } : {});

function save() {
  if (file === undefined) return;
  writeFileSync(`${file}.new`, JSON.stringify(history));
  renameSync(`${file}.new`, file);
}

const print = eachBatch(history, (events) => {
  process.stdout.write(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
});

await consumer.connect();
await consumer.subscribe({ topics: ['conn', 'control'].map((record) => topicName('vslog', record)), fromBeginning: true });
await consumer.run({
  eachBatchAutoResolve: false,
  eachBatch: async (payload) => {
    await print(payload);
    save();
  },
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await consumer.disconnect();
    for (const { node, epoch, first, last } of history.gaps()) console.error(`missing: ${first} to ${last} of ${node}, epoch ${epoch}`);
    process.exit(0);
  });
}
