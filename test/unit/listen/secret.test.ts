import { expect, it } from 'vitest';
import { digest, isSecret } from '../../../src/listen/secret.js';

it('a secret is known by all of it, whatever its length', () => {
  expect(isSecret('open sesame', 'open sesame')).toBe(true);
  for (const given of ['', 'open sesam', 'open sesame ', 'Open sesame', 'x'.repeat(10_000)])
    expect(isSecret(given, 'open sesame')).toBe(false);
});

it('a digest is of a fixed length, and of each text another', () => {
  expect(digest('a')).toHaveLength(32);
  expect(digest('b'.repeat(1000))).toHaveLength(32);
  expect(digest('a').equals(digest('b'))).toBe(false);
});
