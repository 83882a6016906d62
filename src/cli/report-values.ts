import { findKnob, noSuchKnob } from '../knob/catalogue.js';
import type { Parameter, Report, Values } from '../report/report.js';
import { ownZone } from '../text/moment.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { placesOf, resolved, serviceFilterOf } from './place.js';
import { parseTime } from './time.js';

/** The options of a report with the names among them resolved. Rejects with Failure. */
export async function withNames(
  { parameters }: Report,
  options: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, unknown>>> {
  const places = parameters.filter(({ sets }) => sets === 'service' || sets === 'real' || sets === 'client');
  return resolved(
    options,
    places.map(({ flag }) => flag),
  );
}

/** What a person asked for. Throws Failure. */
export function valuesOf(
  { parameters }: Report,
  options: Readonly<Record<string, unknown>>,
  now: number,
  zone: string = ownZone(),
): Values {
  const given: { -readonly [K in keyof Values]: Values[K] } = {};
  for (const parameter of parameters) {
    const text = options[parameter.flag] ?? parameter.fallback;
    if (typeof text === 'string') Object.assign(given, { [parameter.sets]: valueFor(parameter, text, now, zone) });
    else if (parameter.required === true)
      throw new Failure(Exit.usage, `--${parameter.flag} is missing: this report is of one, --${parameter.flag} ${parameter.argument}.`);
  }
  if (given.since !== undefined && given.until !== undefined && given.since >= given.until)
    throw new Failure(Exit.usage, '--since must be earlier than --until.');
  return given;
}

function valueFor({ sets, flag }: Parameter, text: string, now: number, zone: string): Values[keyof Values] {
  switch (sets) {
    case 'since':
    case 'until':
      return parseTime(flag, text, now, zone);
    case 'knob': {
      const knob = findKnob(text);
      if (knob === undefined) throw new Failure(Exit.usage, noSuchKnob(text));
      return knob;
    }
    case 'service':
      return serviceFilterOf(flag, text);
    case 'real':
    case 'client':
      return placesOf(flag, text);
    case 'node':
    case 'zone':
    case 'by':
    case 'of':
    case 'outcome':
      return text;
    case 'limit':
    case 'within':
      if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
      throw new Failure(Exit.usage, `--${flag} is ${JSON.stringify(text)}: it must be a whole number from 1.`);
  }
}
