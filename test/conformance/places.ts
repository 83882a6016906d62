import type { Scenario } from './scenario.js';
import { ADDRESSES } from './story.js';

/** "rs1:80" as address and port; without a port it is 0. */
export function split(place: string): { address: string; port: string } {
  const at = place.lastIndexOf(':');
  const name = at < 0 ? place : place.slice(0, at);
  const address = ADDRESSES[name];
  if (address === undefined) throw new Error(`no such address: ${name}; known are ${Object.keys(ADDRESSES).join(', ')}`);
  return { address, port: at < 0 ? '0' : place.slice(at + 1) };
}

export interface Listener {
  readonly protocol: string;
  readonly address: string;
  readonly port: string;
  readonly forward: string;
}

/** Where somebody must listen: at every place that any service of the scenario may send to. */
export function listeners(scenario: Scenario): Listener[] {
  const services = [
    ...scenario.service,
    ...scenario.steps.flatMap((step) => ('service' in step && typeof step.service === 'object' ? [step.service] : [])),
  ];
  const reals = services.flatMap((service) => service.real.map((real) => ({ real, protocol: service.protocol, at: service.at })));
  for (const step of scenario.steps) if (step.do === 'add_real') reals.push({ real: step.real, protocol: step.protocol, at: step.service });
  const found = new Map<string, Listener>();
  for (const { real, protocol, at } of reals) {
    const { address, port } = split(real.at);
    if (!real.serves) continue;
    // With direct routing and tunnels the packet comes with the virtual address still in it: the real server has it too.
    const seen = real.forward === 'masq' ? address : ADDRESSES[/^mark/.test(at) ? 'vip' : at.replace(/:.*/, '')];
    if (seen === undefined) throw new Error(`no such address: ${at}`);
    // Port 0 takes every port: there the clients say which.
    const protocols = /^mark/.test(at) ? ['tcp', 'udp', 'sctp'] : [protocol];
    for (const spoken of protocols) {
      const ports = port === '0' ? asked(scenario, spoken) : [port];
      for (const one of ports) found.set(`${spoken} ${seen} ${one}`, { protocol: spoken, address: seen, port: one, forward: real.forward });
    }
  }
  return [...found.values()];
}

/** The ports that the scenario's clients connect to. */
function asked(scenario: Scenario, protocol: string): Set<string> {
  const ports = new Set<string>();
  for (const step of scenario.steps) {
    if (!('to' in step)) continue;
    const spoken = 'protocol' in step ? step.protocol : step.do === 'halfopen' ? 'tcp' : 'udp';
    if (spoken === protocol) ports.add(split(step.to).port);
  }
  return ports;
}
