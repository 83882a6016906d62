import { Command } from 'commander';
import { plural } from '../../text/format.js';
import type { KnobAssignment } from '../../wire/administration.js';
import { Exit } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { examples } from '../help.js';
import { addCapture, addNetns, captureSocket, withAdministration } from '../knob/ask.js';
import { addListOptions, checkColumns, type ListOptions, writeListing } from '../listing.js';
import { write } from '../output.js';
import { formatServerKey, formatServiceKey, parseServerKey, parseServiceKey, SERVICE_FORMS, sameServer } from '../service-address.js';
import { drainCommand } from './drain.js';
import { membersOf, REALS } from './list.js';
import { addSettings, REAL_FLAGS, setting, settingsOf } from './settings.js';

const FORMS = `
SERVICE is ${SERVICE_FORMS}. ADDRESS is an address with port: 192.0.2.7:8080, [2001:db8::7]:8080.
`;

const EXAMPLES = `${FORMS}
Examples:
  vslog rs ls
  vslog rs add 192.0.2.1:80 10.0.0.7:8080 --weight 2 --forward masq
  vslog rs weight 192.0.2.1:80 10.0.0.7:8080 0
  vslog rs threshold 192.0.2.1:80 10.0.0.7:8080 1000 800
  vslog rs drain 10.0.0.7:8080 --within 1h`;

export function rsCommand(): Command {
  const command = new Command('rs').description(
    'Real servers: list, add, change, drain, remove them, of the kernel and of source engine alike.',
  );
  for (const one of [
    lsCommand(),
    changeCommand('add'),
    changeCommand('set'),
    weightCommand(),
    thresholdCommand(),
    drainCommand(),
    rmCommand(),
  ])
    command.addCommand(one);
  return command.addHelpText('after', EXAMPLES);
}

interface Options {
  readonly netns?: string;
  readonly yes?: boolean;
}

function lsCommand(): Command {
  const command = new Command('ls')
    .description('List real servers with their live and inactive connections, rates, weight, thresholds.')
    .argument('[service]', 'only of this virtual service')
    .addHelpText(
      'after',
      `${FORMS}${examples('rs ls', 'rs ls 192.0.2.1:80 -o wide', 'rs ls --columns real_server,real_weight,active --no-headers')}`,
    );
  addCapture(addNetns(addListOptions(command)));
  return command.action(async (text: string | undefined, options: Options & ListOptions) => {
    checkColumns(REALS, options);
    const key = text === undefined ? undefined : parseServiceKey(text);
    const services = await withAdministration(captureSocket(command), (capture) => capture.services(key, options.netns));
    await writeListing(REALS, membersOf(services), options);
  });
}

function changeCommand(action: 'add' | 'set'): Command {
  const command = new Command(action)
    .description(action === 'add' ? 'Add a real server to a virtual service.' : 'Change a real server; what is not named stays as it is.')
    .argument('<service>')
    .argument('<address>')
    .addHelpText(
      'after',
      `${FORMS}${action === 'add' ? examples('rs add 192.0.2.1:80 10.0.0.7:8080 --weight 2 --forward masq') : examples('rs set 192.0.2.1:80 10.0.0.7:8080 --weight 3 --upper 1000 --lower 800')}`,
    );
  addCapture(addNetns(addSettings(command, REAL_FLAGS)));
  return command.action(async (service: string, address: string, options: Options) => {
    const settings = settingsOf(command, REAL_FLAGS);
    if (action === 'set' && settings.length === 0) throw new Failure(Exit.usage, 'Say what is to change: see --help.');
    await change(command, action, service, address, settings, options);
  });
}

function weightCommand(): Command {
  const command = new Command('weight')
    .description('Set the weight of a real server; 0 quiesces it.')
    .argument('<service>')
    .argument('<address>')
    .argument('<weight>')
    .addHelpText('after', `${FORMS}${examples('rs weight 192.0.2.1:80 10.0.0.7:8080 0', 'rs weight "udp 192.0.2.1:53" 10.0.0.7:53 2')}`);
  addCapture(addNetns(command));
  return command.action((service: string, address: string, weight: string, options: Options) =>
    change(command, 'set', service, address, [setting('real_weight', weight)], options),
  );
}

function thresholdCommand(): Command {
  const command = new Command('threshold')
    .description('Set from how many connections on a real server is overloaded, and below how many it is not any more; 0: no limit.')
    .argument('<service>')
    .argument('<address>')
    .argument('<upper>')
    .argument('[lower]', '0: three quarters of the upper one (default: 0)')
    .addHelpText(
      'after',
      `${FORMS}${examples('rs threshold 192.0.2.1:80 10.0.0.7:8080 1000 800', 'rs threshold 192.0.2.1:80 10.0.0.7:8080 0')}`,
    );
  addCapture(addNetns(command));
  return command.action((service: string, address: string, upper: string, lower: string | undefined, options: Options) =>
    change(command, 'set', service, address, [setting('real_upper', upper), setting('real_lower', lower ?? '0')], options),
  );
}

function rmCommand(): Command {
  const command = new Command('rm')
    .description('Remove a real server from a virtual service.')
    .argument('<service>')
    .argument('<address>')
    .option('--yes', 'also while it has live connections')
    .addHelpText('after', `${FORMS}${examples('rs rm 192.0.2.1:80 10.0.0.7:8080', 'rs rm 192.0.2.1:80 10.0.0.7:8080 --yes')}`);
  addCapture(addNetns(command));
  return command.action(async (serviceText: string, address: string, { netns = '', yes = false }: Options) => {
    const [service, real] = [parseServiceKey(serviceText), parseServerKey(address)];
    await withAdministration(captureSocket(command), async (capture) => {
      const [found] = await capture.services(service, netns);
      const server = found?.reals.find(({ key }) => sameServer(key, real));
      const live = server === undefined ? 0 : server.active + server.inactive;
      if (live > 0 && !yes) {
        throw new Failure(
          Exit.failure,
          `${formatServerKey(real)} has ${plural(live, 'live connection')} of ${formatServiceKey(service)}, which lose it: drain it by \`vslog rs drain\`, or say --yes.`,
        );
      }
      const { oldValue } = await capture.change({ action: 'remove', service, real, netns });
      await write(`${formatServerKey(real)} removed from ${formatServiceKey(service)}, it was ${oldValue}\n`);
    });
  });
}

async function change(
  command: Command,
  action: 'add' | 'set',
  serviceText: string,
  address: string,
  settings: readonly KnobAssignment[],
  { netns = '' }: Options,
): Promise<void> {
  const [service, real] = [parseServiceKey(serviceText), parseServerKey(address)];
  const { oldValue, newValue } = await withAdministration(captureSocket(command), (capture) =>
    capture.change({ action, service, real, settings, netns }),
  );
  await write(`${formatServerKey(real)} of ${formatServiceKey(service)}: ${oldValue === '' ? '' : `${oldValue} → `}${newValue}\n`);
}
