import { Command } from 'commander';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { type AnswerOptions, addAnswerOptions, writeObject } from './json-output.js';
import { addConfigOptions, configOf } from './options.js';
import { write } from './output.js';
import { admitConfigured } from './readers.js';

const CHECK = `
Exit code 0: the server can be reached, lets us in, is new enough, and its tables are ours. 3: it cannot be reached. 1: anything else.

Examples:
  vslog sink clickhouse check --clickhouse-url http://clickhouse:8123
  vslog sink clickhouse check --json`;

const DDL = `
A collector makes the tables by itself; this is for users who may not, and for reading. With --kafka-brokers it is the other way in: ClickHouse fetches the events
from Kafka itself, and no vslog delivers there.

Examples:
  vslog sink clickhouse ddl | clickhouse-client --multiquery
  vslog sink clickhouse ddl --clickhouse-cluster '{cluster}' > cluster.sql
  vslog sink clickhouse ddl --kafka-brokers kafka:9092 > kafka.sql`;

/** `vslog sink clickhouse`: what one does with a ClickHouse server beside delivering to it. */
export function sinkClickHouseCommand(): Command {
  const command = new Command('clickhouse').description('A ClickHouse server: is it there, and what are its tables?');
  command.addCommand(checkCommand());
  command.addCommand(ddlCommand());
  return command;
}

function checkCommand(): Command {
  const command = new Command('check')
    .description('Try the connection to the server of clickhouse.url, and compare its tables. Changes nothing.')
    .addHelpText('after', CHECK);
  addConfigOptions(addAnswerOptions(command, 'object'), 'sink', 'clickhouse');
  return command.action(async ({ output }: AnswerOptions) => {
    const { openServer } = await import('../store/open-server.js');
    const { values } = configOf(command, 'sink');
    admitConfigured(values);
    const store = openServer(values);
    try {
      const found = await store.check();
      const ok = found.problem === null;
      if (output !== 'text') await writeObject(output, { ok, ...found });
      else if (ok) await write(`ClickHouse ${found.version} at ${found.url}: ${WORDS[found.tables]}\n`);
      if (!ok)
        throw new Failure(found.tables === 'unknown' ? Exit.unreachable : Exit.failure, output === 'text' ? (found.problem ?? '') : '');
    } finally {
      await store.close();
    }
  });
}

const WORDS = {
  ready: 'the tables are there.',
  absent: 'the tables are not there yet; a collector makes them when it starts.',
  outdated: 'the tables are of an older vslog; a collector brings them up to date when it starts.',
  unknown: 'it cannot be asked.',
  wrong: 'its tables are not ours.',
} as const;

function ddlCommand(): Command {
  const command = new Command('ddl')
    .description('Print the statements that make the tables, in order.')
    .option('--cluster <NAME>', 'the same as --clickhouse-cluster')
    .option('--kafka-brokers <ADDRESSES>', 'ClickHouse fetches the events from these Kafka brokers (HOST:PORT,...) itself')
    .option('--kafka-group <NAME>', 'with --kafka-brokers: the consumer group', 'vslog-clickhouse')
    .addHelpText('after', DDL);
  addConfigOptions(command, 'sink', 'clickhouse');
  return command.action(async (options: { cluster?: string; kafkaBrokers?: string; kafkaGroup: string }) => {
    if (options.cluster !== undefined) command.setOptionValue('clickhouseCluster', options.cluster);
    const { values } = configOf(command, 'sink');
    const cluster = values['clickhouse.cluster'];
    const placement = { database: values['clickhouse.database'], cluster: cluster === '' ? undefined : cluster };
    const brokers = options.kafkaBrokers;
    if (brokers !== undefined && !/^[\w.:[\]-]+:\d+(,[\w.:[\]-]+:\d+)*$/.test(brokers))
      throw new Failure(Exit.usage, `--kafka-brokers is ${JSON.stringify(brokers)}: it must be like kafka-1:9092,kafka-2:9092.`);
    const { printable } = await import('../store/print-ddl.js');
    await write(printable(placement, brokers === undefined ? undefined : { brokers, group: options.kafkaGroup }));
  });
}
