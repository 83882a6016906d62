import { Command } from 'commander';
import { commandName, type Knob } from '../../knob/catalogue.js';
import { allowed } from '../../knob/value.js';
import type { KnobChange, VirtualService } from '../../wire/administration.js';
import { Exit } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { type AnswerOptions, addAnswerOptions, writeArray } from '../json-output.js';
import { write } from '../output.js';
import { formatServerKey, formatServiceKey, parseServerKey, parseServiceKey } from '../service-address.js';
import { table } from '../small-table.js';
import { addCapture, addNetns, captureSocket, parsedValue, withAdministration } from './ask.js';
import { descriptionOf, knobExamples, plainValueOf, shown, writeChanges } from './text.js';

interface Options extends AnswerOptions {
  readonly vs?: string;
  readonly rs?: string;
  readonly netns?: string;
}

/** The command of a setting of each virtual service or real server. */
export function serviceKnobCommand(knob: Knob): Command {
  const ofReal = knob.backing === 'real-server';
  const command = new Command(commandName(knob))
    .description(descriptionOf(knob))
    .argument('[value]', `set it: ${allowed(knob)}`)
    .option('--vs <SERVICE>', 'of this virtual service (default: show all)');
  if (ofReal) command.option('--rs <ADDRESS:PORT>', 'of this real server of it (default: show all)');
  command.addHelpText('after', knobExamples(knob, ofReal ? '--vs tcp://192.0.2.1:80 --rs 192.0.2.11:8080' : '--vs tcp://192.0.2.1:80'));
  addCapture(addNetns(addAnswerOptions(command, 'array')));
  return command.action(async (written: string | undefined, options: Options) => {
    const socket = captureSocket(command);
    if (written !== undefined) return writeChanges([await change(socket, knob, parsedValue(knob, written), options)], options.output);
    if (options.rs !== undefined && options.vs === undefined)
      throw new Failure(Exit.usage, '--rs needs --vs: which service it belongs to.');
    const service = options.vs === undefined ? undefined : parseServiceKey(options.vs);
    const real = options.rs === undefined ? undefined : formatServerKey(parseServerKey(options.rs));
    const services = await withAdministration(socket, (capture) => capture.services(service, options.netns));
    const values = valuesOf(knob, services).filter((one) => real === undefined || one.real_server === real);
    if (real !== undefined && values.length === 0) throw new Failure(Exit.failure, `${options.vs ?? ''} has no real server ${real}.`);
    if (options.output !== 'text')
      return writeArray(
        options.output,
        values.map((one) => ({ ...one, value: plainValueOf(knob, one.value) })),
      );
    const one = service === undefined || (ofReal && real === undefined) ? undefined : values[0];
    if (one !== undefined) return write(`${shown(one.value)}\n`);
    if (values.length === 0) return write(`no ${ofReal ? 'real servers' : 'virtual services'}\n`);
    const rows = values.map((each) => [each.service, ...(ofReal ? [each.real_server] : []), each.value]);
    return write(table(['virtual service', ...(ofReal ? ['real server'] : []), knob.name], rows));
  });
}

/** Sets it of one service or real server. */
async function change(socket: string, knob: Knob, value: string, { vs, rs, netns }: Options): Promise<KnobChange> {
  const ofReal = knob.backing === 'real-server';
  if (vs === undefined || (ofReal && rs === undefined)) {
    const how = ofReal ? 'real server: by --vs SERVICE --rs ADDRESS:PORT' : 'virtual service: by --vs SERVICE';
    throw new Failure(Exit.usage, `Say of which ${how}.`);
  }
  const service = parseServiceKey(vs);
  const real = rs === undefined ? undefined : parseServerKey(rs);
  return withAdministration(socket, async (capture) => {
    const [found] = await capture.services(service, netns);
    const server = real === undefined ? undefined : found?.reals.find(({ key }) => formatServerKey(key) === formatServerKey(real));
    const before = (real === undefined ? found : server)?.settings.get(knob.name) ?? '';
    await capture.change({
      action: 'set',
      service,
      ...(real === undefined ? {} : { real }),
      settings: [{ name: knob.name, value }],
      ...(netns === undefined ? {} : { netns }),
    });
    return { name: knob.name, oldValue: before, newValue: value };
  });
}

interface ServiceValue {
  readonly service: string;
  readonly real_server?: string;
  readonly value: string;
}

function valuesOf(knob: Knob, services: readonly VirtualService[]): ServiceValue[] {
  return services.flatMap(({ key, settings, reals }): ServiceValue[] => {
    const service = formatServiceKey(key);
    if (knob.backing === 'service') return [{ service, value: settings.get(knob.name) ?? '' }];
    return reals.map((one) => ({ service, real_server: formatServerKey(one.key), value: one.settings.get(knob.name) ?? '' }));
  });
}
