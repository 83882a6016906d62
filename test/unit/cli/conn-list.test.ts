import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../../src/cli/address.js';
import { connListing, FirstConnections } from '../../../src/cli/conn-list.js';
import type { ConnEvent } from '../../../src/cli/event.js';
import { peopleText } from '../../../src/cli/listing.js';
import { stateName } from '../../../src/cli/states.js';
import { toLong, v1 } from '../../../src/wire/proto.js';

function conn(port: number, more: object = {}): ConnEvent {
  return v1.ConnEvent.fromObject({
    kind: v1.EventKind.Value.snapshot,
    time_ns: toLong(10_000_000_000n),
    created_ns: toLong(7_000_000_000n),
    protocol: 6,
    client_addr: parseAddress('10.0.0.9'),
    client_port: port,
    virtual_addr: parseAddress('10.0.0.1'),
    virtual_port: 80,
    real_addr: parseAddress('10.0.1.1'),
    real_port: 8080,
    state: 1,
    ...more,
  });
}

const textOf = (found: FirstConnections): string =>
  peopleText(connListing({ node: 'lb1', epoch: 'e' }), found.first(), { output: 'table' });

describe('the first connections', () => {
  it('are sorted, and the others are counted', () => {
    const found = new FirstConnections(2);
    for (const port of [30_003, 30_001, 30_002]) found.add(conn(port));
    expect([found.first().map((event) => event.client_port), found.total]).toEqual([[30_001, 30_002], 3]);
  });

  it('are kept of many', () => {
    const found = new FirstConnections(1);
    for (let port = 60_000; port > 20_000; port--) found.add(conn(port));
    expect([found.first().map((event) => event.client_port), found.total]).toEqual([[20_001], 40_000]);
  });

  it('have a state, an age and what is special', () => {
    const found = new FirstConnections(10);
    found.add(conn(1, { is_template: true, quiesced: true, fwmark: 7 }));
    const text = textOf(found);
    for (const part of ['tcp', 'ASSURED', ' 3 s ', 'template, quiesced, fwmark 7']) expect(text).toContain(part);
    expect(text).toMatch(/\n1 connection\n$/);
    expect(textOf(new FirstConnections(1))).toBe('no connections\n');
  });
});

describe('a state', () => {
  it('has its protocol’s name, or is a number', () => {
    expect([
      stateName(6, 5, false),
      stateName(17, 0, false),
      stateName(132, 8, false),
      stateName(6, 99, false),
      stateName(1, 3, false),
    ]).toEqual(['TIME_WAIT', 'NORMAL', 'ESTABLISHED', '99', '3']);
  });
});
