import { expect, it } from 'vitest';
import { sentencesOf } from '../../../../src/sink/kafka/notes.js';

const NOTHING = { comparing: undefined, contents: undefined, why: undefined, changed: [], unproven: new Map<string, number>() };
const READ = { reading: undefined, found: 0, unproven: new Map() };

it('says nothing when all is well', () => {
  expect(sentencesOf(NOTHING)).toEqual([]);
  expect(sentencesOf({ ...NOTHING, contents: { ...READ, found: 7 } })).toEqual([]);
});

it('says how far a comparison is, and why segments are looked up', () => {
  const reading = { topic: 't', share: 0.349 };
  expect(sentencesOf({ ...NOTHING, comparing: { ...READ, reading } })).toEqual([
    'What came to topic t since it was last written to is compared with what is noted here: 34 % is read.',
  ]);
  expect(sentencesOf({ ...NOTHING, why: 'a copy was put back', contents: { ...READ, found: 7, reading } })).toEqual([
    'Each segment is looked up in its topic before it is sent, since a copy was put back: 7 events were there already. Topic t is being read: 34 %.',
  ]);
});

it('names topics that changed, and those that deleted what would prove it', () => {
  expect(sentencesOf({ ...NOTHING, unproven: new Map([['u', 800]]), changed: ['t'] })).toEqual([
    expect.stringMatching(/^Topic t was made anew.*"vslog replay --sink kafka" brings what the spool still has of it\.$/),
    expect.stringMatching(/^Topic u has deleted messages.*: 800 events were sent that whoever has read it may have got before\.$/),
  ]);
});
