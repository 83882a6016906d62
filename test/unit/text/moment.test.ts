import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { axisText, clockText, isZone, midnightOf, momentText, msOf, offsetAt, offsetText, ownZone } from '../../../src/text/moment.js';

const NOON = Date.UTC(2026, 10, 29, 11, 0, 3, 999);
const BERLIN = 'Europe/Berlin';

describe('a moment', () => {
  it('is shown in the zone of whoever reads it, with its offset', () => {
    expect([momentText(NOON, 'UTC'), momentText(NOON, BERLIN), momentText(NOON, 'America/St_Johns')]).toEqual([
      ...['2026-11-29 11:00:03Z', '2026-11-29 12:00:03 +01:00', '2026-11-29 07:30:03 -03:30'],
    ]);
    expect([clockText(NOON, BERLIN), offsetText(Date.UTC(2026, 6, 1), BERLIN), offsetAt(0, 'Asia/Kolkata')]).toEqual([
      '2026-11-29 12:00:03',
      '+02:00',
      330,
    ]);
    expect(momentText(Date.UTC(2026, 0, 1), 'UTC')).toBe('2026-01-01 00:00:00Z');
  });

  it('is shown on an axis as far as a step says something', () => {
    expect([axisText(NOON, 86_400_000, BERLIN), axisText(NOON, 60_000, BERLIN), axisText(NOON, 1000, 'UTC')]).toEqual([
      ...['2026-11-29', '11-29 12:00', '2026-11-29 11:00:03'],
    ]);
  });

  it('is what a clock in a zone shows, and the first of two when it shows that twice', () => {
    expect(msOf(BERLIN, 2026, 11, 29, 12, 0, 3)).toBe(Math.floor(NOON / 1000) * 1000);
    // Summer time ended on 25 October 2026 at 3:00, and began on 29 March at 2:00.
    expect(msOf(BERLIN, 2026, 10, 25, 2, 30)).toBe(Date.UTC(2026, 9, 25, 0, 30));
    expect(msOf(BERLIN, 2026, 3, 29, 2, 30)).toBe(Date.UTC(2026, 2, 29, 1, 30));
    expect(msOf('UTC', 2026, 3, 29, 2, 30)).toBe(Date.UTC(2026, 2, 29, 2, 30));
  });

  it('has a midnight, also of a day that is longer or shorter', () => {
    expect(midnightOf(NOON, BERLIN)).toBe(Date.UTC(2026, 10, 28, 23));
    expect(midnightOf(Date.UTC(2026, 9, 25, 12), BERLIN)).toBe(Date.UTC(2026, 9, 24, 22));
    expect(midnightOf(Date.UTC(2026, 9, 26, 12), BERLIN, 1)).toBe(Date.UTC(2026, 9, 24, 22));
  });

  it('comes back from what is shown of it, in any zone', () => {
    const zones = fc.constantFrom('UTC', BERLIN, 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Pacific/Apia');
    fc.assert(
      fc.property(zones, fc.integer({ min: 0, max: 2_000_000_000 }), (zone, seconds) => {
        const [, year, month, day, hour, minute, second] =
          /^(\d+)-(\d+)-(\d+) (\d+):(\d+):(\d+)$/.exec(clockText(seconds * 1000, zone))?.map(Number) ?? [];
        const back = msOf(zone, year ?? 0, month ?? 0, day ?? 0, hour, minute, second);
        expect(clockText(back, zone)).toBe(clockText(seconds * 1000, zone));
      }),
    );
  });

  it('knows zones by name', () => {
    expect([isZone(BERLIN), isZone('UTC'), isZone('Mars/Olympus'), isZone('')]).toEqual([true, true, false, false]);
    expect(isZone(ownZone())).toBe(true);
  });
});
