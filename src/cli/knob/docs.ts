import { Command } from 'commander';
import { knobDocs } from '../../knob/docs.js';
import { write } from '../output.js';

export function docsCommand(): Command {
  return new Command('docs')
    .description('Every knob, as markdown: what it does, takes, costs, and which records it changes.')
    .action(() => write(knobDocs()));
}
