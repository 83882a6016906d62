import { Command } from 'commander';
import { knobDocs } from '../../knob/docs.js';
import { examples } from '../help.js';
import { write } from '../output.js';

/** `vslog knob docs`: docs/knobs.md. */
export function docsCommand(): Command {
  return new Command('docs')
    .description('Every knob, as markdown: what it does, takes, costs, and which records it changes.')
    .addHelpText('after', examples('knob docs', 'knob docs > knobs.md'))
    .action(() => write(knobDocs()));
}
