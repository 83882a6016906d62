/** How long such a query is refused, ms. */
const REFUSED_MS = 300_000;
/** So many are remembered. */
const MOST = 1000;

/** Queries that had to be ended with the engine: a page that asks one every few seconds must not end the engine every time. It owns no clock. */
export class Offenders {
  private readonly until = new Map<string, number>();

  blame(sql: string, now: number): void {
    const key = shapeOf(sql);
    this.until.delete(key);
    this.until.set(key, now + REFUSED_MS);
    for (const oldest of this.until.keys()) {
      if (this.until.size <= MOST) break;
      this.until.delete(oldest);
    }
  }

  /** How long a query like this is still refused, ms; 0: it is not. */
  refusedMs(sql: string, now: number): number {
    return Math.max(0, (this.until.get(shapeOf(sql)) ?? now) - now);
  }
}

/** Times and numbers are other ones each time. */
function shapeOf(sql: string): string {
  return sql.replace(/\d+/g, '0').replace(/\s+/g, ' ').trim();
}
