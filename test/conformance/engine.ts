// Performs a scenario on the embedded balancer, in virtual time, and judges it as the kernel's is judged.
import { v1 } from '../../src/wire/proto.js';
import { EngineProgram } from './engine-program.js';
import type { Entry } from './entry.js';
import { isComplete, judge, soFar } from './judge.js';
import { listeners, split } from './places.js';
import type { Real, Scenario, Service, Step } from './scenario.js';
import { ADDRESSES, Story } from './story.js';

/** Who changes the configuration is another here, and told as who does it beside the kernel. Everything else must be the kernel's. */
const AUTHOR = { command: 'scenario', through: v1.Through.Value.vslog };
const AUTHOR_BESIDE_KERNEL = { command: 'ipvsadm', through: v1.Through.Value.netlink };

/** What the engine's program says (native/commands.cc): of a client that was refused, of one that was not answered, and of an open connection that is no more. */
const REFUSED = /: connection refused$/;
const SILENCE = /: no answer$/;
const BROKEN = /: (?:no answer|not sent|the server did not close)$/;

/** What an error says. */
const sentence = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function place(at: string): string {
  const { address, port } = split(at);
  return `${address} ${port}`;
}

function key(service: { at: string; protocol: string; ipv6?: boolean }): string {
  const mark = /^mark(\d+)$/.exec(service.at);
  return mark === null ? `${service.protocol} ${place(service.at)}` : `mark ${mark[1]} ${service.ipv6 === true ? 6 : 4}`;
}

function realWords(real: Real): string {
  return `${place(real.at)} weight=${real.weight} forward=${real.forward} upper=${real.upper} lower=${real.lower}`;
}

function serviceCommands(verb: 'add' | 'edit', service: Service): string[] {
  const settings = [
    `scheduler=${service.scheduler}`,
    `persistent=${service.persistent}`,
    ...(service.netmask === undefined ? [] : [`netmask=${service.netmask}`]),
    ...service.flags.map((flag) => `flag=${flag}`),
    ...(service.one_packet ? ['flag=one-packet'] : []),
  ];
  return [
    `service ${verb} ${key(service)} ${settings.join(' ')}`,
    ...service.real.map((real) => `real add ${key(service)} ${realWords(real)}`),
  ];
}

class EngineRun {
  private readonly program = new EngineProgram();
  private readonly scenario: Scenario;
  private first = 0n;
  private nextPort = 33000;

  constructor(scenario: Scenario) {
    this.scenario = scenario;
  }

  /** Set-up left out, and changes of knobs, which are no part of a story. */
  private entries(): Entry[] {
    return this.program.entries
      .filter(({ sequence, control }) => sequence > this.first && control?.kind !== v1.ControlKind.Value.knob_changed)
      .map(
        (entry): Entry =>
          entry.control?.command === AUTHOR.command && entry.control.through === AUTHOR.through
            ? { sequence: entry.sequence, control: v1.ControlEvent.create({ ...entry.control, ...AUTHOR_BESIDE_KERNEL }) }
            : entry,
      );
  }

  private story(): string[] {
    return Story.tell(this.entries(), this.scenario.show);
  }

  private async all(commands: readonly string[]): Promise<void> {
    for (const command of commands) await this.program.tell(command);
  }

  private timeouts({ tcp, tcpfin, udp }: { tcp: number; tcpfin: number; udp: number }): string[] {
    return Object.entries({ tcp, tcpfin, udp }).flatMap(([name, seconds]) => (seconds > 0 ? [`knob timeout_${name} ${seconds}`] : []));
  }

  private async setUp(): Promise<void> {
    const { scenario } = this;
    await this.all([
      ...['vip', 'vip2', 'vip6'].map((vip) => `own ${ADDRESSES[vip]}`),
      ...(scenario.direct_replies ? ['direct-replies'] : []),
      ...Object.entries(scenario.sysctl).map(([name, value]) => `knob ${name} ${value}`),
      ...(scenario.timeouts === undefined ? [] : this.timeouts(scenario.timeouts)),
      ...scenario.mark.map(({ protocol, port, mark }) => `mark ${protocol} ${port} ${mark}`),
      ...scenario.service.flatMap((service) => serviceCommands('add', service)),
      ...listeners(scenario).map(({ protocol, address, port }) => `serve ${protocol} ${address} ${port}`),
    ]);
    this.first = this.program.entries.at(-1)?.sequence ?? 0n;
  }

  /** Virtual time passes until the story is so, or for `within` seconds. */
  private async until(found: (story: string[]) => boolean, within: number): Promise<boolean> {
    const end = (await this.now()) + within * 1000;
    while (!found(this.story())) {
      const now = await this.now();
      if (now >= end) return false;
      await this.program.tell(`wait ${end - now}`);
    }
    return true;
  }

  private async now(): Promise<number> {
    return Number(await this.program.tell('sleep 0')); // time: the engine's own
  }

  private async perform(step: Step): Promise<void> {
    switch (step.do) {
      case 'sleep':
        await this.program.tell(`sleep ${step.seconds * 1000}`);
        return;
      case 'wait': {
        const enough = (story: string[]): boolean => story.filter((line) => line.includes(step.for)).length >= step.count;
        if (!(await this.until(enough, step.within)))
          throw new Error(`did not come within ${step.within} s: ${step.count} times "${step.for}"`);
        return;
      }
      case 'open':
        return this.expect(`open ${step.as} ${step.protocol} ${place(step.from)} ${place(step.to)}`, step.fails && REFUSED);
      case 'unanswered':
        return this.expect(`open unanswered ${step.protocol} ${place(step.from)} ${place(step.to)}`, SILENCE);
      case 'send':
      case 'post':
      case 'close':
      case 'reset':
      case 'serverclose':
      case 'halfclose':
      case 'serverhalfclose':
        return this.expect(`${step.do} ${step.on}`, step.fails && BROKEN);
      case 'packets':
        return this.all([`packets ${step.count} ${place(step.from)} ${place(step.to)}`]);
      case 'burst': {
        const from = `${split(step.from).address} ${this.ports(step.count)}`;
        const answered = await this.program.tell(`burst ${step.protocol} ${step.count} ${from} ${place(step.to)}`);
        if (answered !== String(step.count)) throw new Error(`the clients made ${answered} of ${step.count} connections`);
        return;
      }
      case 'halfopen':
        return this.all([`halfopen ${step.count} ${split(step.from).address} ${this.ports(step.count)} ${place(step.to)}`]);
      case 'add_service':
        return this.all(serviceCommands('add', step.service));
      case 'edit_service':
        return this.all(serviceCommands('edit', step.service));
      case 'delete_service':
        return this.all([`service delete ${key(step)}`]);
      case 'add_real':
      case 'edit_real':
        return this.all([`real ${step.do.slice(0, -5)} ${key({ at: step.service, protocol: step.protocol })} ${realWords(step.real)}`]);
      case 'delete_real':
        return this.all([`real delete ${key({ at: step.service, protocol: step.protocol })} ${place(step.at)}`]);
      case 'sysctl':
        return this.all([`knob ${step.name} ${step.value}`]);
      case 'timeouts':
        return this.all(this.timeouts(step));
      default:
        throw new Error(`the engine has nothing to ${step.do}: the scenario needs only = "kernel"`);
    }
  }

  private ports(count: number): number {
    this.nextPort += count;
    return this.nextPort - count;
  }

  /** `failure`: what the program must say against the command; false: nothing. */
  private async expect(command: string, failure: RegExp | false): Promise<void> {
    const error = await this.program.tell(command).then(
      () => undefined,
      (reason: unknown) => sentence(reason),
    );
    if (error === undefined && failure !== false) throw new Error(`${command}: should have failed`);
    if (error !== undefined && (failure === false || !failure.test(error))) throw new Error(error);
  }

  async go(): Promise<string | undefined> {
    const { scenario } = this;
    const expected = scenario.engine_expect === undefined ? scenario : { ...scenario, expect: scenario.engine_expect };
    try {
      await this.setUp();
      for (const [i, step] of scenario.steps.entries()) {
        try {
          await this.perform(step);
        } catch (error) {
          throw new Error(soFar(i, step, error, this.story()));
        }
      }
      await this.until((story) => isComplete(expected, story), 90);
      await this.program.tell('sleep 1500'); // time: the engine's own
      const inconsistent = await this.program.tell('check');
      return judge(expected, this.entries(), []) ?? (inconsistent === '' ? undefined : `the engine contradicts itself: ${inconsistent}`);
    } catch (error) {
      return sentence(error);
    } finally {
      await this.program.stop();
    }
  }
}

/** Plays a scenario on the embedded balancer. Resolves to what is wrong with its story, or to nothing. */
export async function playOnEngine(scenario: Scenario): Promise<string | undefined> {
  return new EngineRun(scenario).go();
}
