import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BadExpression, parseWhere } from '../../../src/cli/where.js';

const one = (field: string, ...ranges: [bigint, bigint][]) => ({ field, ranges });

describe('an expression', () => {
  it.each([
    ['weight = 3', one('weight', [3n, 3n])],
    ['weight in (3, 5)', one('weight', [3n, 3n], [5n, 5n])],
    ['weight<3', one('weight', [0n, 2n])],
    ['weight >= 3', one('weight', [3n, 2n ** 64n - 1n])],
    ['duration > 1s', one('duration_ns', [1_000_000_001n, 2n ** 64n - 1n])],
    ['quiesced', one('quiesced', [1n, 1n])],
    ['not template', { none: one('is_template', [1n, 1n]) }],
    ['reason != timeout', { none: one('reason', [1n, 1n]) }],
    ['kind = real_changed', one('change', [5n, 5n])],
    ['kind in (create, real_changed)', { any: [one('kind', [1n, 1n]), one('change', [5n, 5n])] }],
    [
      'weight = 1 or weight = 2 AND quiesced',
      { any: [one('weight', [1n, 1n]), { all: [one('weight', [2n, 2n]), one('quiesced', [1n, 1n])] }] },
    ],
    [
      '(weight = 1 or weight = 2) and quiesced',
      { all: [{ any: [one('weight', [1n, 1n]), one('weight', [2n, 2n])] }, one('quiesced', [1n, 1n])] },
    ],
  ])('%s', (text, filter) => {
    expect(parseWhere(text)).toEqual(filter);
  });

  it.each([
    ['', 'at column 1: ends where a field is expected: there are client, vs,'],
    ['weight', 'at column 7: after "weight" comes =, !=, in, <, <=, > or >='],
    ['reason', 'at column 7: after "reason" comes =, !=, in'],
    ['weight = ', 'at column 10: a value is expected'],
    ['WEIGHT = 3', 'at column 1: "WEIGHT" is no field'],
    ['weight = 1 weight = 2', 'at column 12: "weight" is not expected here: and, or, or the end'],
    ['(weight = 1', 'at column 12: ")" is missing'],
    ['reason = tiemout', '"tiemout" at column 10: it must be one of timeout,'],
    ['reason > timeout', '"timeout" at column 10: it has no order'],
    ['client in 10.0.0.0/33', '"10.0.0.0/33" at column 11: it must be an address'],
    ['duration > soon', '"soon" at column 12: it must be how long it lived'],
    ['weight < 0', '"0" at column 10: nothing is less'],
    ['weight = "1', 'at column 9: "\\"1" cannot be read'],
    [`${'('.repeat(40)}weight = 1`, 'it is nested too deeply'],
    [`${'not '.repeat(40)}quiesced`, 'it is nested too deeply'],
  ])('that is none is a sentence with its place: %s', (text, sentence) => {
    expect(() => parseWhere(text)).toThrow(sentence);
  });

  it('is read or refused with a sentence, whatever it is', () => {
    const word = fc.constantFrom(
      'client',
      'weight',
      'and',
      'or',
      'not',
      '(',
      ')',
      '=',
      '!=',
      'in',
      ',',
      '10.0.0.0/8',
      '7',
      'quiesced',
      '<',
      '"',
      "'x'",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(word, { maxLength: 40 }).map((words) => words.join(' ')),
        ),
        (text) => {
          try {
            parseWhere(text);
          } catch (error) {
            expect(error).toBeInstanceOf(BadExpression);
          }
        },
      ),
    );
  });
});
