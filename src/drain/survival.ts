/** Connections of one history that were followed equally long. */
export interface Lifetimes {
  /** Age in s at which they came into sight: 0 for connections that were seen from their beginning. */
  readonly entry?: number;
  /** Age in s at which they ended, or up to which they were seen. */
  readonly age: number;
  /** So many ended at that age. */
  readonly ended: number;
  /** So many were still there at that age, or were cut: they would have lived longer. */
  readonly censored: number;
}

/** How long connections live: the product-limit estimate of Kaplan and Meier, also for connections that came into sight late. */
export class Survival {
  /** Longest lifetime that was seen to its end; nothing is known beyond. 0: none was. */
  readonly last: number;
  /** Ages at which connections ended, ascending. */
  private readonly ages: readonly number[];
  /** By number of ages that have passed: the logarithm of the product of all factors that are not 0, and how many are 0. */
  private readonly logs: readonly number[];
  private readonly zeros: readonly number[];
  /** By number of ages that have passed: how many connections ended at a later one. */
  private readonly later: readonly number[];

  constructor(history: readonly Lifetimes[]) {
    const ended = new Map<number, number>();
    const steps: { age: number; change: number }[] = [];
    for (const one of history) {
      const { entry = 0, age } = one;
      const number = one.ended + one.censored;
      if (number === 0 || age <= entry || !Number.isFinite(age)) continue;
      if (one.ended > 0) ended.set(age, (ended.get(age) ?? 0) + one.ended);
      steps.push({ age: entry, change: number }, { age, change: -number });
    }
    steps.sort((a, b) => a.age - b.age);
    this.ages = [...ended.keys()].sort((a, b) => a - b);
    this.last = this.ages.at(-1) ?? 0;
    const logs = [0];
    const zeros = [0];
    const later = [[...ended.values()].reduce((sum, one) => sum + one, 0)];
    let [atRisk, next] = [0, 0];
    for (const [i, age] of this.ages.entries()) {
      // At risk is who came into sight before this age and was there up to it.
      for (let step = steps[next]; step !== undefined && step.age < age; step = steps[++next]) atRisk += step.change;
      const gone = ended.get(age) ?? 0;
      const all = gone >= atRisk;
      logs.push((logs[i] ?? 0) + (all ? 0 : Math.log1p(-gone / atRisk)));
      zeros.push((zeros[i] ?? 0) + (all ? 1 : 0));
      later.push((later[i] ?? 0) - gone);
    }
    [this.logs, this.zeros, this.later] = [logs, zeros, later];
  }

  /** How many connections were seen to end at more than this age. */
  endedAfter(age: number): number {
    return this.later[this.passed(age)] ?? 0;
  }

  /** P(T > age + time | T > age). Beyond the last lifetime that was seen it stays what it is there. */
  leftAfter(time: number, age = 0): number {
    const [from, to] = [this.passed(age), this.passed(age + time)];
    if ((this.zeros[to] ?? 0) > (this.zeros[from] ?? 0)) return 0;
    return Math.exp((this.logs[to] ?? 0) - (this.logs[from] ?? 0));
  }

  /** How many of the ages are at most this one. */
  private passed(age: number): number {
    let [low, high] = [0, this.ages.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.ages[middle] ?? 0) <= age) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
