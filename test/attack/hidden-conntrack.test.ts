import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Told } from '../e2e/support/conntrack-capture.js';
import { LONG, Stage, TRACK } from '../e2e/support/conntrack-stage.js';
import { udp } from '../e2e/support/flows.js';

const PERSON = '10.1.0.1';
const OURS = '10.1.0.254';
/** What is left of an address that is hidden here. */
const HIDDEN = '0.0.0.0';
const PREFIX = ['--client-address', 'prefix', '--client-prefix', '0 0'];

describe('a person at either end of a tracked flow', () => {
  let stage: Stage;
  beforeEach(() => {
    stage = new Stage();
  });
  afterEach(() => stage.clean());

  /** Client, virtual and real address of every flow, without repetitions. By loopback goes only what a capture asks at its start. */
  const addresses = (flows: readonly Told[]): string[] => {
    const seen = flows.filter(({ record, virtual_addr }) => record === 'conn' && !virtual_addr.startsWith('127.'));
    return [...new Set(seen.map(({ client_addr, virtual_addr, real_addr }) => [client_addr, virtual_addr, real_addr].join(' ')))].sort();
  };

  it('is hidden there too, unless that side was left out or the address is ours', async () => {
    const person = await stage.bare();
    const director = await stage.bare([], { beside: person });
    person.connect('director', `${PERSON}/24`, director, 'people', `${OURS}/24`);
    director.rules(TRACK);
    director.set({ ...LONG, 'netfilter.nf_conntrack_events': 1 });
    const auto = await stage.capture(director, ...PREFIX);
    const owned = await stage.capture(director, ...PREFIX, '--own-address', '10.1.0.0/28');
    const clients = await stage.capture(director, ...PREFIX, '--hidden-sides', 'client');
    // One that began with the person, and one that began here.
    await udp(person, { client: { address: PERSON, port: 5001 }, virtual: { address: OURS, port: 7001 }, serverIn: director });
    await udp(director, { client: { address: OURS, port: 5002 }, virtual: { address: PERSON, port: 7002 }, serverIn: person });

    for (const [capture, fromUs] of [
      [auto, [HIDDEN, HIDDEN, HIDDEN]],
      [owned, [HIDDEN, PERSON, PERSON]],
      [clients, [HIDDEN, PERSON, PERSON]],
    ] as const) {
      const wanted = [fromUs.join(' '), [HIDDEN, OURS, OURS].join(' ')].sort();
      expect(await capture.tells('both flows', () => addresses(capture.told).length === wanted.length && addresses(capture.told))).toEqual(
        wanted,
      );
      // What is asked for is shown as what is told.
      expect(addresses(await capture.list())).toEqual(wanted);
    }
  });
});
