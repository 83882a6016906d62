import type { Survival } from './survival.js';

/** So many connections must have been seen to outlive an age and end, for a connection of that age to be predicted. */
export const ENOUGH = 30;
/** How sure a forecast is of the time at which none is left. */
export const CERTAIN = 0.95;
/** Ages that differ by less than this factor are taken as one. */
const SAME = 1.005;
/** Halvings until the time is known: to a thousandth of a second of any lifetime. */
const HALVINGS = 60;

/** Connections that are live now, and how long such live. */
export interface LiveGroup {
  /** Undefined: there is no history. */
  readonly survival: Survival | undefined;
  /** In s. */
  readonly ages: readonly number[];
}

/** When how much will be gone. */
export interface Forecast {
  readonly live: number;
  /** Live ones older than the history tells of: they are taken to stay. */
  readonly unknown: number;
  /** In s from now; undefined: not before the history ends. `all`: with a probability of CERTAIN none is left. half <= most <= all. */
  readonly half: number | undefined;
  readonly most: number | undefined;
  readonly all: number | undefined;
}

/** Predicts from the residual lifetimes, as if no new connection came. */
export function forecast(groups: readonly LiveGroup[]): Forecast {
  const left = new Expectation(groups);
  return {
    live: left.live,
    unknown: left.unknown,
    half: left.timeUntil((number) => number <= left.live * 0.5),
    most: left.timeUntil((number) => number <= left.live * 0.05),
    all: left.timeUntil((_number, none) => none >= CERTAIN),
  };
}

/** The expected number of connections that are left. */
export class Expectation {
  readonly live: number;
  readonly unknown: number;
  private readonly known: { readonly survival: Survival; readonly age: number; count: number }[] = [];
  private readonly horizon: number;

  constructor(groups: readonly LiveGroup[]) {
    let [live, unknown, horizon] = [0, 0, 0];
    for (const { survival, ages } of groups) {
      live += ages.length;
      for (const age of [...ages].sort((a, b) => a - b)) {
        if (survival === undefined || survival.endedAfter(age) < ENOUGH) {
          unknown++;
          continue;
        }
        const before = this.known.at(-1);
        if (before !== undefined && before.survival === survival && age <= before.age * SAME) before.count++;
        else this.known.push({ survival, age, count: 1 });
        horizon = Math.max(horizon, survival.last - age);
      }
    }
    [this.live, this.unknown, this.horizon] = [live, unknown, horizon];
  }

  /** After so many s. It never grows with the time. */
  at(time: number): number {
    return this.known.reduce((sum, { survival, age, count }) => sum + count * survival.leftAfter(time, age), this.unknown);
  }

  /** The probability that none is left after so many s. It never falls with the time. */
  noneLeft(time: number): number {
    if (this.unknown > 0) return 0;
    return Math.exp(this.known.reduce((sum, { survival, age, count }) => sum + count * Math.log1p(-survival.leftAfter(time, age)), 0));
  }

  /** The first time at which `enough` holds of the number left and of the probability that none is; undefined when that is not before the history ends. */
  timeUntil(enough: (number: number, none: number) => boolean): number | undefined {
    const holds = (time: number): boolean => enough(this.at(time), this.noneLeft(time));
    if (holds(0)) return 0;
    if (!holds(this.horizon)) return undefined;
    let [low, high] = [0, this.horizon];
    for (let i = 0; i < HALVINGS; i++) {
      const middle = (low + high) / 2;
      if (holds(middle)) high = middle;
      else low = middle;
    }
    return high;
  }
}
