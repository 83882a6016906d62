import { describe, expect, it } from 'vitest';
import { groupsOf } from '../../../web/knob-groups.js';

const knob = (name: string, group: string, problem = '') => ({ name, group, problem });
const KNOBS = [
  knob('a', 'expiry'),
  knob('b', 'sync', 'no such knob here.'),
  knob('c', 'expiry'),
  knob('d', 'new-one'),
  knob('e', 'timeouts'),
];
const told = (first: readonly string[]) =>
  groupsOf(KNOBS, new Set(first)).map(({ id, title, knobs, aside }) => [id, title, knobs.map(({ name }) => name).join(), aside]);

describe('groups of knobs', () => {
  it('have what was changed first, then the families, then what is not there', () => {
    expect(told(['c', 'e'])).toEqual([
      ['knobs-changed', 'Changed', 'c,e', false],
      ['knobs-expiry', 'Expiry', 'a', false],
      ['knobs-new-one', 'new-one', 'd', false],
      ['knobs-away', 'Not available here', 'b', true],
    ]);
  });

  it('have no group without a knob', () => {
    expect(told([]).map(([id]) => id)).toEqual(['knobs-expiry', 'knobs-new-one', 'knobs-timeouts', 'knobs-away']);
    expect(groupsOf([], new Set(['a']))).toEqual([]);
  });
});
