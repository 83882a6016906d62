import { Command } from 'commander';
import { knobDocs } from '../knob/docs.js';
import { write } from './output.js';

export function knobCommand(): Command {
  const command = new Command('knob').description('What of a balancer can be turned.');
  command
    .command('docs')
    .description('Every knob, as markdown: what it does, takes, costs, and which records it changes.')
    .action(() => write(knobDocs()));
  return command;
}
