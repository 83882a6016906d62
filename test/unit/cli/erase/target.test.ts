import { describe, expect, it } from 'vitest';
import { sidesOf, wantedOf } from '../../../../src/cli/erase/target.js';
import { Failure } from '../../../../src/cli/failure.js';
import { network } from '../../support/people.js';

const NOW = Date.parse('2026-02-03T04:05:06Z');
const PLAIN = { 'capture.client_address': 'whole', 'capture.hidden_sides': 'auto', 'capture.own_address': '' } as const;
const wanted = (
  client: readonly string[],
  more: { before?: string; reason?: string } = {},
  values: Parameters<typeof wantedOf>[1] = PLAIN,
) => wantedOf({ client, reason: 'case 17', ...more }, values, NOW);

function refusal(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof Failure) return `${error.exit} ${error.message}`;
    throw error;
  }
  return 'taken';
}

describe('who is to be erased', () => {
  it('is an address, a network or a hash as the log shows it', () => {
    expect(wanted(['203.0.113.7']).target).toMatchObject({ networks: [network('203.0.113.7')], beforeNs: `${NOW}000000` });
    const both = wanted(['203.0.113.7', '2001:db8::/32'], { before: '2026-01-01T00:00+01:00' });
    expect(both).toMatchObject({ selectors: 'address,network', reason: 'case 17' });
    expect(both.notes).toEqual([expect.stringMatching(/^Only what happened before 20\d\d-.*(?:Z|[+-]\d\d:\d\d)\.$/)]);
    expect(both.target.beforeNs).toBe(`${Date.parse('2025-12-31T23:00:00Z')}000000`);
    const hash = 'fd7e:e39f:6445:895e:1dff:8cce:f2b6:8e4f';
    expect(wanted([hash]).selectors).toBe('address');
    expect(wanted([hash], {}, { ...PLAIN, 'capture.client_address': 'hash' })).toMatchObject({ selectors: 'hash', notes: [] });
  });

  it('is found by what is logged, and is told so where that is not the address', () => {
    const hashed = wanted(['203.0.113.7'], {}, { ...PLAIN, 'capture.client_address': 'hash' });
    expect(hashed.notes).toEqual([expect.stringContaining('vslog key hash ADDRESS --all')]);
    const prefixed = wanted(['203.0.113.7'], {}, { ...PLAIN, 'capture.client_address': 'prefix' });
    expect(prefixed.notes).toEqual([expect.stringContaining('many people’s')]);
  });

  it('is refused with a sentence where it cannot be', () => {
    expect(refusal(() => wanted([]))).toMatch(/^2 Say whose connections, by --client: /);
    for (const text of ['somebody', '203.0.113', '203.0.113.7:80', '203.0.113.0/33', 'fd7e:e39f:6445', '5f924cb3', ''])
      expect(
        refusal(() => wanted([text])),
        text,
      ).toMatch(/^2 --client is ".*": it must be an address .*, a network .*, or a hash/);
    expect(refusal(() => wanted(['203.0.113.7/24']))).toBe(
      '2 --client is "203.0.113.7/24", an address with bits beyond the prefix: give the address alone for one person, or the network\'s own address for all in it.',
    );
    expect(refusal(() => wanted(['203.0.113.7'], { before: '2026-02-04' }))).toBe(
      '2 --before is "2026-02-04", which is in the future: what is not logged yet cannot be erased.',
    );
    expect(refusal(() => wanted(['203.0.113.7'], { before: 'soon' }))).toMatch(/^2 --before is "soon": it must be /);
    for (const [reason, told] of [
      ['  ', /^2 --reason is empty: /],
      ['x'.repeat(401), /^2 --reason has 401 bytes: it may have 400\.$/],
      ['two\nlines', /^2 --reason must be one line of plain text\.$/],
      ['\u202eright', /^2 --reason must be one line of plain text\.$/],
      ['203.0.113.7 wishes it', /^2 --reason names the address that is to be erased: /],
    ] as const)
      expect(
        refusal(() => wanted(['203.0.113.7'], { reason })),
        reason,
      ).toMatch(told);
    expect(refusal(() => wanted(['203.0.113.7'], { reason: '203.0.113.70 does not count' }))).toBe('taken');
  });

  it('stands at the sides that hidden addresses have', () => {
    expect(sidesOf(PLAIN)).toMatchObject({ client: true, virtual: true, real: true, auto: true });
    expect(sidesOf({ ...PLAIN, 'capture.own_address': '10.0.0.0/8, 2001:db8::1' }).own).toEqual(
      expect.arrayContaining([network('127.0.0.0/8'), network('::1'), network('10.0.0.0/8'), network('2001:db8::1')]),
    );
    expect(sidesOf({ ...PLAIN, 'capture.hidden_sides': 'client, real' })).toEqual({
      client: true,
      virtual: false,
      real: true,
      auto: false,
      own: [],
    });
  });
});
