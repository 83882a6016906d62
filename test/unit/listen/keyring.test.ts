import { expect, it } from 'vitest';
import { Keyring, keyOf } from '../../../src/listen/keyring.js';

it('a ring knows whose a secret is, and what it lets do', () => {
  const ring = new Keyring([keyOf('alice', 'the secret of alice', true), keyOf('bob', 'the secret of bob')]);
  expect(ring.find('the secret of alice')).toEqual({ name: 'alice', operates: true });
  expect(ring.find('the secret of bob')).toEqual({ name: 'bob', operates: false });
  for (const wrong of ['', 'alice', 'the secret of', 'the secret of bob ', 'x'.repeat(10_000)]) expect(ring.find(wrong)).toBeUndefined();
});

it('a ring has those of another one, too, also such as come later', () => {
  const all = new Keyring([keyOf('bob', 'the secret of bob')]);
  const some = new Keyring([keyOf('metrics', 'the secret of metrics')], all);
  all.add(keyOf('reader', 'the secret of readers'));
  expect(some.find('the secret of bob')?.name).toBe('bob');
  expect(some.find('the secret of readers')?.name).toBe('reader');
  expect(all.find('the secret of metrics')).toBeUndefined();
  expect(some.operates).toBe(false);
  all.add(keyOf('alice', 'the secret of alice', true));
  expect([some.operates, all.operates]).toEqual([true, true]);
});

it('an empty ring has no secret, not even an empty one', () => {
  expect(new Keyring().find('')).toBeUndefined();
});
