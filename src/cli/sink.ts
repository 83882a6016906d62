import { Command } from 'commander';
import { sinkAcceptCommand, sinkForgetCommand } from './sink-change.js';
import { sinkClickHouseCommand } from './sink-clickhouse.js';
import { sinkKafkaCommand } from './sink-kafka.js';
import { sinkLsCommand } from './sink-ls.js';

/** `vslog sink`: what one does with the places that events are delivered to. */
export function sinkCommand(version: string): Command {
  const command = new Command('sink').description('Prepare and check the places that events are delivered to.');
  command.addCommand(sinkLsCommand(version));
  command.addCommand(sinkForgetCommand(version));
  command.addCommand(sinkAcceptCommand(version));
  command.addCommand(sinkKafkaCommand());
  command.addCommand(sinkClickHouseCommand());
  return command;
}
