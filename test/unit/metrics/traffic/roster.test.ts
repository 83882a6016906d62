import { describe, expect, it } from 'vitest';
import { parseServerKey, parseServiceKey } from '../../../../src/cli/service-address.js';
import { OTHER, serverIdentity, serviceIdentity, slotOf } from '../../../../src/metrics/traffic/identity.js';
import { levelsOf } from '../../../../src/metrics/traffic/levels.js';
import { KEPT_MS, Roster } from '../../../../src/metrics/traffic/roster.js';
import { balanced } from './balanced.js';

const names = (members: ReadonlyMap<string, { vs: string; rs?: string }>): string[] =>
  [...members.values()].map(({ vs, rs }) => (rs === undefined ? vs : `${vs} > ${rs}`));

describe('who has a series', () => {
  it('are the first in the order of their names, whatever the order of the list', () => {
    const list = balanced({
      '10.0.0.3:80': { '10.1.0.1:80': 1 },
      '10.0.0.1:80': { '10.1.0.2:80': 1, '10.1.0.1:80': 1 },
      '10.0.0.2:80': {},
    });
    for (const given of [list, [...list].reverse()]) {
      const roster = new Roster(2);
      roster.observe(given, 0);
      expect(names(roster.services)).toEqual(['tcp 10.0.0.1:80', 'tcp 10.0.0.2:80']);
      expect(names(roster.servers)).toEqual(['tcp 10.0.0.1:80 > 10.1.0.1:80', 'tcp 10.0.0.1:80 > 10.1.0.2:80']);
      expect(roster.ranks()).toEqual({ services: { own: 2, other: 1 }, servers: { own: 2, other: 1 } });
    }
  });

  it('stay when others come whose names are before theirs, and when the list is short for a while', () => {
    const roster = new Roster(1);
    roster.observe(balanced({ '10.0.0.5:80': {} }), 0);
    roster.observe(balanced({ '10.0.0.1:80': {}, '10.0.0.5:80': {} }), 1000);
    roster.observe([], 2000);
    roster.observe(balanced({ '10.0.0.1:80': {} }), 3000);
    expect(roster.retire(3000)).toEqual([]);
    expect(names(roster.services)).toEqual(['tcp 10.0.0.5:80']);
    expect(roster.ranks().services).toEqual({ own: 1, other: 1 });
  });

  it('give their place away when they have been gone for long, but not while they have events', () => {
    const roster = new Roster(1);
    roster.observe(balanced({ '10.0.0.5:80': { '10.1.0.5:80': 1 } }), 0);
    const service = serviceIdentity(parseServiceKey('10.0.0.5:80'));
    const server = serverIdentity(service, parseServerKey('10.1.0.5:80'));
    roster.touch(server.slot, KEPT_MS);
    expect(roster.retire(KEPT_MS + 1)).toEqual([service.slot]);
    expect(roster.retire(2 * KEPT_MS + 1)).toEqual([server.slot]);
    roster.observe(balanced({ '10.0.0.1:80': {} }), 2 * KEPT_MS + 2);
    expect(names(roster.services)).toEqual(['tcp 10.0.0.1:80']);
  });

  it('are no more than the limit when thousands of marks come and go', () => {
    const roster = new Roster(50);
    const stays = { '10.0.0.1:80': { '10.1.0.1:80': 1 } };
    roster.observe(balanced(stays), 0);
    for (let minute = 0; minute < 30; minute++) {
      const marks = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`fwmark ${minute * 200 + i + 1}`, { '10.1.0.1:0': 1 }]));
      roster.observe(balanced({ ...stays, ...marks }), minute * 60_000);
      roster.retire(minute * 60_000);
      expect(roster.services.size).toBeLessThanOrEqual(50);
      expect(roster.servers.size).toBeLessThanOrEqual(50);
    }
    // Who was there first is there still, though all around it changed.
    expect(names(roster.servers)).toContain('tcp 10.0.0.1:80 > 10.1.0.1:80');
    expect(roster.ranks().services).toEqual({ own: 50, other: 200 });
  });

  it('tell marks of IPv4 and IPv6 apart, and one address by protocol and port', () => {
    const keys = ['fwmark 7', 'fwmark 7 ipv6', 'tcp 10.0.0.1:80', 'udp 10.0.0.1:80', 'tcp 10.0.0.1:0', 'tcp [2001:db8::1]:80'];
    const identities = keys.map((text) => serviceIdentity(parseServiceKey(text)));
    expect(new Set(identities.map(({ slot }) => slot)).size).toBe(keys.length);
    expect(identities.map(({ vs }) => vs)).toEqual(keys);
    const [mark] = identities;
    if (mark === undefined) throw new Error('none');
    const server = serverIdentity(mark, parseServerKey('[2001:db8::7]:8080'));
    expect(server).toMatchObject({ vs: 'fwmark 7', rs: '[2001:db8::7]:8080', id: 'mark4-7 20010db8000000000000000000000007-8080' });
    expect(server.slot).toBe(slotOf(server.id));
  });
});

describe('levels', () => {
  it('are those of each, and of all others together', () => {
    const list = balanced({ '10.0.0.1:80': { '10.1.0.1:80': 0, '10.1.0.2:80': 3 }, '10.0.0.2:80': { '10.1.0.1:80': 0 } });
    const roster = new Roster(1);
    roster.observe(list, 0);
    const { services, servers } = levelsOf(list, roster);
    const [service = ''] = roster.services.keys();
    const [server = ''] = roster.servers.keys();
    expect(services.get(service)).toMatchObject({ servers: 2, weight: 3, quiesced: 1, draining: 1, active: 20 });
    expect(servers.get(server)).toMatchObject({ servers: 1, weight: 0, quiesced: 1, draining: 1, active: 10, inactive: 5 });
    expect(servers.get(OTHER)).toMatchObject({ servers: 2, weight: 3, quiesced: 1, draining: 1, active: 20 });
  });
});
