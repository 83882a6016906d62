import { describe, expect, it } from 'vitest';
import { OUTCOMES } from '../../../src/outcome/outcome.js';
import { type Ended, endSentence } from '../../../src/story/sentence.js';

const LASTED: Ended = { outcome: 'closed', reason: 'timeout', cut: false, state: 'TIME_WAIT', seconds: 200 };

describe('how a connection ended', () => {
  it.each<[sentence: string, Partial<Ended>]>([
    ['Closed after 3 min 20 s.', {}],
    ['Reset or refused after 3 min 20 s.', { outcome: 'reset', state: 'CLOSE' }],
    ['Idle: no packet came until its timer ran out, 3 min 20 s after its beginning.', { outcome: 'idle', state: 'ESTABLISHED' }],
    ['Never established: given up in state SYN_RECV, after 1 min.', { outcome: 'never_established', state: 'SYN_RECV', seconds: 60 }],
    [
      'The server was removed while it was established, after 10 s.',
      { outcome: 'server_removed', reason: 'nodest', cut: true, state: 'ESTABLISHED', seconds: 10 },
    ],
    ['The server was removed in state TIME_WAIT, after 10 s.', { outcome: 'server_removed', reason: 'nodest', seconds: 10 }],
    [
      'Its virtual service was removed while it was established, after 10 s.',
      { outcome: 'server_removed', reason: 'service_removed', cut: true, seconds: 10 },
    ],
    [
      'Flushed while it was established, after 10 s: ended on request, or with the balancer.',
      { outcome: 'flushed', cut: true, seconds: 10 },
    ],
    ['Replaced in state TIME_WAIT, after 10 s: its client used the same port again.', { outcome: 'replaced', seconds: 10 }],
    ['Open for 3 min 20 s, as far as the log knows.', { outcome: 'open', state: '' }],
    ['Open for 3 min 20 s, now ESTABLISHED.', { outcome: 'open', state: 'ESTABLISHED' }],
    ['It ended while nothing recorded it: after 3 min 20 s at most.', { outcome: 'unknown', reason: 'missed' }],
  ])('%s', (sentence, more) => expect(endSentence({ ...LASTED, ...more })).toBe(sentence));

  it('is told of every outcome in words of its own', () => {
    const sentences = OUTCOMES.map(({ name }) => endSentence({ ...LASTED, outcome: name }));
    expect(new Set(sentences).size).toBe(OUTCOMES.length);
    for (const sentence of sentences) expect(sentence).toMatch(/^[A-Z].*[a-z ]/);
  });
});
