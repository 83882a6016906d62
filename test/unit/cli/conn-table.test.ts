import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../../src/cli/address.js';
import { ConnTable } from '../../../src/cli/conn-table.js';
import type { ConnEvent } from '../../../src/cli/event.js';
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

describe('the table of connections', () => {
  it('is sorted, and counts what it does not show', () => {
    const table = new ConnTable(2);
    for (const port of [30_003, 30_001, 30_002]) table.add(conn(port));
    const lines = table.text().split('\n');
    expect(lines.findIndex((line) => line.includes('10.0.0.9:30001'))).toBeLessThan(
      lines.findIndex((line) => line.includes('10.0.0.9:30002')),
    );
    expect(table.text()).not.toContain('30003');
    expect(table.text()).toMatch(/\n3 connections\nand 1 more; --limit 0 shows all\n$/);
  });

  it('keeps the first ones of many', () => {
    const table = new ConnTable(1);
    for (let port = 60_000; port > 20_000; port--) table.add(conn(port));
    expect(table.text()).toContain('10.0.0.9:20001');
    expect(table.text()).toMatch(/\n40 000 connections\nand 39 999 more/);
  });

  it('names state, age and what is special', () => {
    const table = new ConnTable(10);
    table.add(conn(1, { is_template: true, quiesced: true, fwmark: 7 }));
    const text = table.text();
    for (const part of ['tcp', 'ASSURED', ' 3 s ', 'template, quiesced, fwmark 7']) expect(text).toContain(part);
    expect(text).toMatch(/\n1 connection\n$/);
    expect(new ConnTable(1).text()).toBe('no connections\n');
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
