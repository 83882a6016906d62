import { describe, expect, it } from 'vitest';
import { Figure } from '../../../../src/metrics/traffic/figures.js';
import { OTHER } from '../../../../src/metrics/traffic/identity.js';
import { Ledger, type Window } from '../../../../src/metrics/traffic/ledger.js';

/** Sums of connections made, by slot; of the minutes that stay the second ones. */
function sums(all: Readonly<Record<string, number>>, rest: Readonly<Record<string, number>> = {}): Map<string, Window> {
  return new Map(
    Object.entries(all).map(([slot, count]) => [
      slot,
      { all: new Map([[Figure.creates, count]]), rest: new Map([[Figure.creates, rest[slot] ?? 0]]) },
    ]),
  );
}

const creates = (ledger: Ledger, slot: string): number | undefined => {
  const shown = ledger.shown(slot);
  return shown === undefined ? undefined : (shown.get(Figure.creates) ?? 0);
};

/** All that happened since the beginning, when there were 57. */
const made = (minutes: readonly Readonly<Record<string, number>>[]): number =>
  minutes.flatMap((one) => Object.values(one)).reduce((a, b) => a + b, 0) - 57;

describe('counters out of windows', () => {
  it('begin with nothing and count what comes', () => {
    const ledger = new Ledger();
    ledger.open('a');
    ledger.take(sums({ a: 100 }), true);
    expect(creates(ledger, 'a')).toBe(0);
    ledger.take(sums({ a: 130 }));
    expect(creates(ledger, 'a')).toBe(30);
  });

  it('go on when the window moves, forth and back', () => {
    const ledger = new Ledger();
    ledger.open('a');
    ledger.take(sums({ a: 100 }), true);
    const window = sums({ a: 150 }, { a: 20 });
    expect(ledger.take(window)).toBe(false);
    ledger.move(window);
    expect(creates(ledger, 'a')).toBe(50);
    ledger.take(sums({ a: 25 }));
    expect(creates(ledger, 'a')).toBe(55);
    // The clock was set back: the window begins earlier.
    const back = sums({ a: 26 }, { a: 500 });
    ledger.take(back);
    ledger.move(back);
    ledger.take(sums({ a: 501 }));
    expect(creates(ledger, 'a')).toBe(57);
  });

  it('forget no event when the window moves before anything happened', () => {
    const ledger = new Ledger();
    ledger.open('a');
    const window = sums({ a: 100, [OTHER]: 10 }, { a: 20 });
    ledger.take(window, true);
    ledger.move(window);
    ledger.open('b');
    ledger.take(sums({ a: 23, b: 4 }));
    // What b did since may have been counted in `other` before it had a series.
    expect([creates(ledger, 'a'), creates(ledger, 'b'), creates(ledger, OTHER)]).toEqual([3, 0, 4]);
  });

  it('do not fall when the store makes a minute anew, and say so', () => {
    const ledger = new Ledger();
    ledger.open('a');
    ledger.take(sums({ a: 10 }), true);
    ledger.take(sums({ a: 60 }));
    expect(ledger.take(sums({ a: 5 }))).toBe(true);
    expect(ledger.take(sums({}))).toBe(true);
    expect(creates(ledger, 'a')).toBe(50);
    expect(ledger.take(sums({ a: 61 }))).toBe(false);
    expect(creates(ledger, 'a')).toBe(51);
  });

  it('of a server that goes and comes back go on where they were, and none of its events counts twice', () => {
    const ledger = new Ledger();
    ledger.open('a');
    ledger.take(sums({}), true);
    ledger.take(sums({ a: 40 }));
    ledger.close('a');
    // Its minutes are still in the window, now without a series.
    ledger.take(sums({ [OTHER]: 40 }));
    expect(ledger.shown(OTHER)).toBeUndefined();
    ledger.take(sums({ [OTHER]: 43 }));
    expect([creates(ledger, 'a'), creates(ledger, OTHER)]).toEqual([undefined, 3]);
    ledger.open('a');
    ledger.take(sums({ a: 45 }));
    expect([creates(ledger, 'a'), creates(ledger, OTHER)]).toEqual([40, 5]);
    ledger.take(sums({ a: 50 }));
    expect([creates(ledger, 'a'), creates(ledger, OTHER)]).toEqual([45, 5]);
  });

  it('leave in `other` what was counted there before a series began, and its sum is that of all', () => {
    const ledger = new Ledger();
    ledger.take(sums({}), true);
    ledger.take(sums({ [OTHER]: 30 }));
    ledger.open('a');
    ledger.take(sums({ a: 12, [OTHER]: 22 }));
    expect([creates(ledger, 'a'), creates(ledger, OTHER)]).toEqual([0, 34]);
    ledger.take(sums({ a: 20, [OTHER]: 23 }));
    expect([creates(ledger, 'a'), creates(ledger, OTHER)]).toEqual([8, 35]);
  });

  it('give a new series all it has when nobody was counted without one', () => {
    const ledger = new Ledger();
    ledger.open('a');
    ledger.take(sums({ a: 3 }), true);
    ledger.open('b');
    ledger.take(sums({ a: 4, b: 7 }));
    expect([creates(ledger, 'a'), creates(ledger, 'b')]).toEqual([1, 7]);
  });

  it('take what no window has', () => {
    const ledger = new Ledger();
    ledger.open('a');
    ledger.take(sums({ a: 3 }), true);
    ledger.add('a', Figure.changes, 2);
    const window = sums({ a: 9 }, { a: 1 });
    ledger.take(window);
    ledger.move(window);
    ledger.take(sums({ a: 2 }));
    expect([ledger.shown('a')?.get(Figure.changes), creates(ledger, 'a')]).toEqual([2, 7]);
  });

  it('never fall, whoever comes, goes and is made anew (random histories)', () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return Math.floor((seed / 2 ** 31) * below);
    };
    const slots = ['a', 'b', 'c', 'd'];
    const ledger = new Ledger();
    const open = new Set<string>();
    const minutes: Record<string, number>[] = [{ a: 50, b: 7 }];
    let base = 0;
    let told = new Map<string, number>();
    ledger.take(sums({ [OTHER]: 57 }), true);
    let lastTotal = 0;
    for (let step = 0; step < 300; step++) {
      const slot = slots[random(4)] ?? 'a';
      if (random(3) === 0) minutes.push({});
      const minute = minutes[Math.max(base, minutes.length - 1 - random(3))] ?? {};
      minute[slot] = (minute[slot] ?? 0) + random(20);
      if (random(10) === 0 && !open.has(slot)) {
        ledger.open(slot);
        open.add(slot);
      } else if (random(20) === 0 && open.has(slot)) {
        ledger.close(slot);
        open.delete(slot);
      }
      const next = Math.max(base, minutes.length - 4);
      const of = (since: number): Record<string, number> => {
        const found: Record<string, number> = {};
        for (const one of minutes.slice(since))
          for (const [name, count] of Object.entries(one)) {
            const at = open.has(name) ? name : OTHER;
            found[at] = (found[at] ?? 0) + count;
          }
        return found;
      };
      const window = sums(of(base), of(next));
      const fell = ledger.take(window);
      expect(fell).toBe(false);
      if (random(4) === 0) {
        ledger.move(window);
        base = next;
      }
      for (const name of [...open, OTHER]) {
        const now = creates(ledger, name) ?? 0;
        expect(now, `${name} at step ${step}`).toBeGreaterThanOrEqual(told.get(name) ?? 0);
        told = new Map(told).set(name, now);
      }
      // Nothing is counted twice, and nothing is lost, by those who have a series or had one.
      const total = slots.concat(OTHER).reduce((sum, name) => sum + (creates(ledger, name) ?? told.get(name) ?? 0), 0);
      expect(total).toBeGreaterThanOrEqual(lastTotal);
      expect(total).toBeLessThanOrEqual(made(minutes));
      lastTotal = total;
    }
    expect(lastTotal).toBe(made(minutes));
  });
});
