/** The smallest of many values; `none` of no values. Math.min(...values) overflows the stack from some hundred thousand on. */
export function smallest(values: readonly number[], none: number): number {
  return values.length === 0 ? none : values.reduce((least, value) => Math.min(least, value));
}

/** The largest of many values; `none` of no values. */
export function largest(values: readonly number[], none: number): number {
  return values.length === 0 ? none : values.reduce((most, value) => Math.max(most, value));
}
