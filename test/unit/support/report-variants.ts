import { valuesOf } from '../../../src/cli/report-values.js';
import type { Report, Values } from '../../../src/report/report.js';

/** The time that relative ones count from. */
export const NOW = Date.UTC(2026, 0, 31, 12);

/** What people may say for a parameter: two of different kinds, where SQL may differ. */
const SAID: Readonly<Record<Exclude<keyof Values, 'by' | 'of' | 'outcome' | 'zone'>, readonly [string, string]>> = {
  since: ['2d', '2026-01-01'],
  until: ['1h', '2026-01-31T00:00'],
  knob: ['expire_nodest_conn', 'service_timeout'],
  service: ['tcp 192.0.2.1:80', 'fwmark 7 ipv6'],
  real: ['192.0.2.11:8080', '[2001:db8::11]:8080'],
  client: ['198.51.100.7', '198.51.100.0/24'],
  node: ['lb1', "it's"],
  within: ['30', '600'],
  limit: ['7', '200'],
};

export interface Variant {
  /** As on a command line. */
  readonly title: string;
  readonly values: Values;
}

/**
 * The ways to ask a report: nothing but what it must be told; each flag that has no default alone; all flags, of either kind; and what only a program does, without a time.
 * Each word of a choice is asked with nothing else, and with all flags.
 */
export function variantsOf(report: Report): Variant[] {
  const flags = report.parameters.flatMap(({ sets, flag, required = false, fallback }) =>
    sets === 'by' || sets === 'of' || sets === 'outcome' || sets === 'zone' ? [] : [{ flag, required, fallback, said: SAID[sets] }],
  );
  const needed = Object.fromEntries(flags.filter(({ required }) => required).map(({ flag, said }) => [flag, said[0]]));
  const all = (kind: 0 | 1) => Object.fromEntries(flags.map(({ flag, said }) => [flag, said[kind]]));
  const alone = flags.filter(({ fallback }) => fallback === undefined).map(({ flag, said }) => ({ ...needed, [flag]: said[0] }));
  const chosen = choicesOf(report).flatMap((choice) => [
    { ...needed, ...choice },
    { ...all(0), ...choice },
  ]);
  const { since: _since, until: _until, ...timeless } = variantOf(report, needed).values;
  return [
    ...[...chosen, all(1), ...alone].map((options) => variantOf(report, options)),
    { title: `${report.name}, of all times`, values: timeless },
  ];
}

function variantOf(report: Report, options: Readonly<Record<string, string>>): Variant {
  const flags = Object.entries(options).map(([flag, value]) => ` --${flag} ${JSON.stringify(value)}`);
  return { title: `${report.name}${flags.join('')}`, values: valuesOf(report, options, NOW, 'UTC') };
}

/** Every combination of the words that parameters offer; one without any, when none does. */
function choicesOf({ parameters }: Report): Record<string, string>[] {
  return parameters.reduce<Record<string, string>[]>(
    (choices, { flag, words }) =>
      words === undefined ? choices : choices.flatMap((choice) => words.map((word) => ({ ...choice, [flag]: word }))),
    [{}],
  );
}
