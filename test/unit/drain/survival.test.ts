import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Expectation, forecast } from '../../../src/drain/forecast.js';
import { type Lifetimes, Survival } from '../../../src/drain/survival.js';

/** Numbers in [0, 1) that are the same in every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const exponential = (next: () => number, mean: number): number => -mean * Math.log(1 - next());
const ended = (ages: readonly number[]): Lifetimes[] => ages.map((age) => ({ age, ended: 1, censored: 0 }));
const sample = (number: number, draw: () => number): number[] => Array.from({ length: number }, draw);

/** Of connections that came at an even pace and are still there: their ages, and how long each goes on. */
function live(number: number, span: number, next: () => number, lifetime: () => number): { ages: number[]; residuals: number[] } {
  const found: { ages: number[]; residuals: number[] } = { ages: [], residuals: [] };
  while (found.ages.length < number) {
    const [age, all] = [next() * span, lifetime()];
    if (all <= age) continue;
    found.ages.push(age);
    found.residuals.push(all - age);
  }
  return found;
}

const quantile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.ceil(share * values.length) - 1] ?? 0;
const near = (value: number | undefined, truth: number): void => {
  expect(value).toBeGreaterThan(truth * 0.8);
  expect(value).toBeLessThan(truth * 1.2);
};

describe('the product-limit estimate', () => {
  it('is the one of the textbook', () => {
    // Ends at 1, 3, 3, 6; seen up to 2 and 5.
    const curve = new Survival([...ended([1, 3, 3, 6]), { age: 2, ended: 0, censored: 1 }, { age: 5, ended: 0, censored: 1 }]);
    expect(curve.leftAfter(0.5)).toBe(1);
    expect(curve.leftAfter(1)).toBeCloseTo(5 / 6);
    expect(curve.leftAfter(3)).toBeCloseTo((5 / 6) * (2 / 4));
    expect(curve.leftAfter(5.9)).toBeCloseTo((5 / 6) * (2 / 4));
    expect(curve.leftAfter(6)).toBe(0);
    expect(curve.leftAfter(2, 1)).toBeCloseTo(2 / 4);
    expect(curve.last).toBe(6);
    expect([0, 1, 3, 6].map((age) => curve.endedAfter(age))).toEqual([4, 3, 1, 0]);
  });

  it('takes who is seen up to an age at which another ends as still there', () => {
    const curve = new Survival([
      { age: 4, ended: 1, censored: 1 },
      { age: 9, ended: 0, censored: 1 },
    ]);
    expect(curve.leftAfter(4)).toBeCloseTo(2 / 3);
    expect(curve.leftAfter(100)).toBeCloseTo(2 / 3);
  });

  it('counts who came into sight late only from then on', () => {
    const curve = new Survival([...ended([1, 10]), { entry: 5, age: 20, ended: 1, censored: 0 }]);
    expect(curve.leftAfter(1)).toBeCloseTo(1 / 2);
    expect(curve.leftAfter(10)).toBeCloseTo(1 / 4);
  });

  it('does not let an early end of all that were there then hide what came into sight later', () => {
    const curve = new Survival([...ended([1]), ...[10, 20].map((age) => ({ entry: 5, age, ended: 1, censored: 0 }))]);
    expect(curve.leftAfter(6, 5)).toBeCloseTo(1 / 2);
  });

  it('is not fooled by what is still open', () => {
    const next = random(5);
    // Half of the connections could be watched for 30 s only.
    const history = sample(20_000, () => exponential(next, 60)).map((age, i): Lifetimes => {
      const seen = i % 2 === 0 ? 30 : 600;
      return age <= seen ? { age, ended: 1, censored: 0 } : { age: seen, ended: 0, censored: 1 };
    });
    expect(new Survival(history).leftAfter(120)).toBeCloseTo(Math.exp(-2), 1);
  });

  it('never grows with the time, and is never below 0 or above 1', () => {
    const lifetimes = fc.array(
      fc.record({
        entry: fc.constantFrom(0, 0, 0, 3),
        age: fc.double({ min: 0, max: 1e6, noNaN: true }),
        ended: fc.nat(5),
        censored: fc.nat(5),
      }),
      { maxLength: 60 },
    );
    const times = fc.array(fc.double({ min: 0, max: 2e6, noNaN: true }), { minLength: 2, maxLength: 20 });
    fc.assert(
      fc.property(lifetimes, times, fc.double({ min: 0, max: 1e6, noNaN: true }), (history, some, age) => {
        const curve = new Survival(history);
        const left = [...some].sort((a, b) => a - b).map((time) => curve.leftAfter(time, age));
        for (const [i, value] of left.entries()) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(left[i - 1] ?? 1);
        }
      }),
    );
  });
});

describe('the forecast', () => {
  it('of lifetimes without memory', () => {
    const next = random(1);
    const survival = new Survival(ended(sample(5000, () => exponential(next, 60))));
    const { ages, residuals } = live(400, 600, next, () => exponential(next, 60));
    // Ages do not matter: -60 ln(0.05).
    near(forecast([{ survival, ages }]).most, 60 * Math.log(20));
    near(forecast([{ survival, ages }]).most, quantile(residuals, 0.95));
    near(forecast([{ survival, ages }]).half, 60 * Math.log(2));
  });

  it('of connections that all live 60 s', () => {
    const survival = new Survival(ended(new Array<number>(100).fill(60)));
    const ages = Array.from({ length: 60 }, (_, i) => i + 0.5);
    const { half, most, all, unknown } = forecast([{ survival, ages }]);
    near(most, 57);
    near(half, 30);
    near(all, 59.5);
    expect(unknown).toBe(0);
  });

  it('of a mixture, where what has lived long will live long', () => {
    const next = random(9);
    const lifetime = (): number => exponential(next, next() < 0.8 ? 5 : 500);
    const survival = new Survival(ended(sample(20_000, lifetime)));
    const { ages, residuals } = live(1000, 3000, next, lifetime);
    near(forecast([{ survival, ages }]).most, quantile(residuals, 0.95));
    // What has lived for 100 s is of the long ones.
    near(forecast([{ survival, ages: new Array<number>(200).fill(100) }]).most, 500 * Math.log(20));
  });

  it('adds what several services have', () => {
    const survival = (age: number) => new Survival(ended(new Array<number>(50).fill(age)));
    const groups = [
      { survival: survival(10), ages: new Array<number>(50).fill(0) },
      { survival: survival(100), ages: new Array<number>(50).fill(0) },
    ];
    const { half, most } = forecast(groups);
    near(half, 10);
    near(most, 100);
  });

  it('says nothing where the history is thin, or ends', () => {
    expect(forecast([{ survival: undefined, ages: [1, 2] }])).toEqual({
      live: 2,
      unknown: 2,
      half: undefined,
      most: undefined,
      all: undefined,
    });
    expect(forecast([{ survival: new Survival(ended(new Array<number>(29).fill(60))), ages: [1] }])).toMatchObject({
      unknown: 1,
      half: undefined,
    });
    // One that is older than what is known stays, and the others go.
    const survival = new Survival(ended(new Array<number>(30).fill(60)));
    const { unknown, half, most, all } = forecast([{ survival, ages: [...new Array<number>(9).fill(0), 1000] }]);
    expect([unknown, most, all]).toEqual([1, undefined, undefined]);
    near(half, 60);
    // Most were still open when they were last seen.
    const open = new Survival([...ended(new Array<number>(40).fill(10)), { age: 20, ended: 0, censored: 960 }]);
    expect(forecast([{ survival: open, ages: [0, 0] }])).toMatchObject({ unknown: 0, half: undefined, most: undefined, all: undefined });
  });

  it('of one connection: half gone, nearly gone and gone come in this order', () => {
    const survival = new Survival(ended(Array.from({ length: 100 }, (_, i) => i + 1)));
    const { half, most, all } = forecast([{ survival, ages: [0] }]);
    near(half, 50);
    near(most, 95);
    near(all, 95);
    // Of many, that none is left takes longer than that few are.
    const many = forecast([{ survival, ages: new Array<number>(50).fill(0) }]);
    near(many.most, 95);
    near(many.all, 100);
  });

  it('of nothing is now', () => {
    expect(forecast([{ survival: undefined, ages: [] }])).toEqual({ live: 0, unknown: 0, half: 0, most: 0, all: 0 });
  });

  it('never expects more later, nor beyond the last lifetime that was seen', () => {
    const ages = fc.array(fc.double({ min: 0, max: 500, noNaN: true }), { maxLength: 40 });
    const history = fc.array(fc.double({ min: 0.001, max: 1000, noNaN: true }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(ages, history, (now, past) => {
        const survival = new Survival(ended(past));
        const left = new Expectation([{ survival, ages: now }]);
        let before = now.length + 1e-9;
        for (let time = 0; time <= 1200; time += 20) {
          expect(left.at(time)).toBeLessThanOrEqual(before + 1e-9);
          before = left.at(time);
        }
        const { half = 0, most = half, all = most } = forecast([{ survival, ages: now }]);
        expect(half).toBeLessThanOrEqual(most);
        expect(most).toBeLessThanOrEqual(all);
        for (const time of [half, most, all]) expect(time).toBeLessThanOrEqual(survival.last);
      }),
    );
  });
});
