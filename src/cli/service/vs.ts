import { Command } from 'commander';
import { plural } from '../../text/format.js';
import type { VirtualService } from '../../wire/administration.js';
import { Exit } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { examples } from '../help.js';
import { addCapture, addNetns, captureSocket, withAdministration } from '../knob/ask.js';
import { addListOptions, checkColumns, type ListOptions, writeListing } from '../listing.js';
import { write } from '../output.js';
import { formatServiceKey, parseServiceKey, SERVICE_FORMS } from '../service-address.js';
import { SERVICES } from './list.js';
import { addSettings, SERVICE_FLAGS, settingsOf } from './settings.js';

const FORMS = `
SERVICE is ${SERVICE_FORMS}.
`;

const EXAMPLES = `${FORMS}
Examples:
  vslog vs ls
  vslog vs add 192.0.2.1:80 --scheduler wlc --persistent 5m
  vslog vs set "udp 192.0.2.1:53" --flags one-packet
  vslog vs rm "fwmark 7"`;

export function vsCommand(): Command {
  const command = new Command('vs').description("The balancer's virtual services, of the kernel and of source engine alike.");
  for (const one of [lsCommand(), changeCommand('add'), changeCommand('set'), rmCommand()]) command.addCommand(one);
  return command.addHelpText('after', EXAMPLES);
}

interface Options {
  readonly netns?: string;
  readonly yes?: boolean;
}

function lsCommand(): Command {
  const command = new Command('ls')
    .description('List virtual services.')
    .argument('[service]', 'only this one')
    .addHelpText(
      'after',
      `${FORMS}${examples('vs ls', 'vs ls 192.0.2.1:80 -o vertical', 'vs ls --columns service,active,connections_per_s -o csv')}`,
    );
  addCapture(addNetns(addListOptions(command)));
  return command.action(async (text: string | undefined, options: Options & ListOptions) => {
    checkColumns(SERVICES, options);
    const key = text === undefined ? undefined : parseServiceKey(text);
    const services = await withAdministration(captureSocket(command), (capture) => capture.services(key, options.netns));
    await writeListing(SERVICES, services, options);
  });
}

function changeCommand(action: 'add' | 'set'): Command {
  const command = new Command(action)
    .description(action === 'add' ? 'Add a virtual service.' : 'Change a virtual service; what is not named stays as it is.')
    .argument('<service>')
    .addHelpText(
      'after',
      `${FORMS}${action === 'add' ? examples('vs add 192.0.2.1:80 --scheduler wlc --persistent 5m', 'vs add "fwmark 7" --scheduler rr') : examples('vs set "udp 192.0.2.1:53" --flags one-packet')}`,
    );
  addCapture(addNetns(addSettings(command, SERVICE_FLAGS)));
  return command.action(async (text: string, { netns = '' }: Options) => {
    const service = parseServiceKey(text);
    const settings = settingsOf(command, SERVICE_FLAGS);
    if (action === 'set' && settings.length === 0) throw new Failure(Exit.usage, 'Say what is to change: see --help.');
    const { oldValue, newValue } = await withAdministration(captureSocket(command), (capture) =>
      capture.change({ action, service, settings, netns }),
    );
    await write(`${formatServiceKey(service)}: ${oldValue === '' ? '' : `${oldValue} → `}${newValue}\n`);
  });
}

function rmCommand(): Command {
  const command = new Command('rm')
    .description('Remove a virtual service with its real servers.')
    .argument('<service>')
    .option('--yes', 'also while it has live connections')
    .addHelpText('after', `${FORMS}${examples('vs rm 192.0.2.1:80', 'vs rm "fwmark 7" --yes')}`);
  addCapture(addNetns(command));
  return command.action(async (text: string, { netns = '', yes = false }: Options) => {
    const service = parseServiceKey(text);
    await withAdministration(captureSocket(command), async (capture) => {
      const [found] = await capture.services(service, netns);
      const live = liveOf(found);
      if (live > 0 && !yes) {
        throw new Failure(
          Exit.failure,
          `${formatServiceKey(service)} has ${plural(live, 'live connection')}, which lose their real servers: drain them by \`vslog rs drain\`, or say --yes.`,
        );
      }
      const { oldValue } = await capture.change({ action: 'remove', service, netns });
      await write(`${formatServiceKey(service)} removed, it was ${oldValue}\n`);
    });
  });
}

function liveOf(service: VirtualService | undefined): number {
  return service?.reals.reduce((all, { active, inactive }) => all + active + inactive, 0) ?? 0;
}
