export type MetricType = 'counter' | 'gauge' | 'histogram';

/** Label values are any text; a backslash, a quote and a line feed are written with a backslash. */
export function escapeLabel(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`));
}

/** `vs="tcp 10.0.0.1:80",rs="10.0.0.2:80"`: labels without their braces. */
export function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabel(value)}"`)
    .join(',');
}

/** A metric in Prometheus's text format 0.0.4, its samples line by line. */
export class Metric {
  private readonly name: string;
  private readonly lines: string[];

  constructor(name: string, type: MetricType, help: string) {
    this.name = name;
    this.lines = [
      `# HELP ${name} ${help.replace(/[\\\n]/g, (character) => (character === '\n' ? '\\n' : '\\\\'))}`,
      `# TYPE ${name} ${type}`,
    ];
  }

  /** `labels`: as labelText() makes them. */
  sample(labels: string, value: number): void {
    this.lines.push(labels === '' ? `${this.name} ${value}` : `${this.name}{${labels}} ${value}`);
  }

  /** `cumulative`: counts up to each of `bounds`, and last all. */
  histogram(labels: string, bounds: readonly number[], cumulative: readonly number[], sum: number): void {
    const before = labels === '' ? '' : `${labels},`;
    for (const [i, bound] of bounds.entries()) this.lines.push(`${this.name}_bucket{${before}le="${bound}"} ${cumulative[i] ?? 0}`);
    const all = cumulative[bounds.length] ?? 0;
    const braced = labels === '' ? '' : `{${labels}}`;
    this.lines.push(
      `${this.name}_bucket{${before}le="+Inf"} ${all}`,
      `${this.name}_sum${braced} ${sum}`,
      `${this.name}_count${braced} ${all}`,
    );
  }

  /** Empty when it has no sample. */
  toString(): string {
    return this.lines.length > 2 ? `${this.lines.join('\n')}\n` : '';
  }
}
