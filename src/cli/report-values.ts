import { findKnob, noSuchKnob } from '../knob/catalogue.js';
import type { Parameter, Report, Values } from '../report/report.js';
import { parseNetwork } from './address.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { parseServerKey, parseServiceKey } from './service-address.js';
import { parseTime } from './time.js';

/** What a person asked for. Throws Failure. */
export function valuesOf({ parameters }: Report, options: Readonly<Record<string, unknown>>, now: number): Values {
  const given: { -readonly [K in keyof Values]: Values[K] } = {};
  for (const parameter of parameters) {
    const text = options[parameter.flag] ?? parameter.fallback;
    if (typeof text === 'string') Object.assign(given, { [parameter.sets]: valueFor(parameter, text, now) });
    else if (parameter.required === true)
      throw new Failure(Exit.usage, `--${parameter.flag} is missing: this report is of one, --${parameter.flag} ${parameter.argument}.`);
  }
  if (given.since !== undefined && given.until !== undefined && given.since >= given.until)
    throw new Failure(Exit.usage, '--since must be earlier than --until.');
  return given;
}

function valueFor({ sets, flag }: Parameter, text: string, now: number): Values[keyof Values] {
  switch (sets) {
    case 'since':
    case 'until':
      return parseTime(flag, text, now);
    case 'knob': {
      const knob = findKnob(text);
      if (knob === undefined) throw new Failure(Exit.usage, noSuchKnob(text));
      return knob;
    }
    case 'service':
      return parseServiceKey(text);
    case 'real':
      return parseServerKey(text);
    case 'client': {
      const network = parseNetwork(text);
      if (network !== undefined) return network;
      throw new Failure(
        Exit.usage,
        `--${flag} is ${JSON.stringify(text)}: it must be an address or a network, such as 192.0.2.7 or 192.0.2.0/24.`,
      );
    }
    case 'node':
    case 'by':
    case 'of':
      return text;
    case 'limit':
    case 'within':
      if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
      throw new Failure(Exit.usage, `--${flag} is ${JSON.stringify(text)}: it must be a whole number from 1.`);
  }
}
