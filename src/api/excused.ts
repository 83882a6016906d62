/** The epochs whose missing sequences a node's recorded losses account for, oldest first: what is more than was recorded is not excused. */
export function excusable<E extends { readonly node: string; readonly epoch: string }>(
  epochs: readonly E[],
  missing: (epoch: E) => number,
  lost: ReadonlyMap<string, number>,
): E[] {
  const left = new Map(lost);
  return [...epochs]
    .sort((a, b) => (begunMs(a.epoch) ?? 0) - (begunMs(b.epoch) ?? 0))
    .filter((epoch) => {
      const budget = left.get(epoch.node) ?? 0;
      const count = missing(epoch);
      if (count <= 0 || count > budget) return false;
      left.set(epoch.node, budget - count);
      return true;
    });
}

/** When an epoch began: its name ends with that. */
export function begunMs(epoch: string): number | undefined {
  const [, ms] = /-(\d{12,14})$/.exec(epoch) ?? [];
  return ms === undefined ? undefined : Number(ms);
}
