import { describe, expect, it } from 'vitest';
import { authenticate } from '../../../src/clickhouse-http/access.js';

const LB = { user: 'lb', password: 'secret' };

describe('who may ask by HTTP', () => {
  it('is everybody where no password is set', () => {
    expect(() => authenticate(undefined, undefined, undefined)).not.toThrow();
    expect(() => authenticate(undefined, 'lb', 'x')).not.toThrow();
  });

  it('is the user with the password', () => {
    expect(() => authenticate(LB, 'lb', 'secret')).not.toThrow();
    expect(() => authenticate({ user: 'default', password: 'secret' }, undefined, 'secret')).not.toThrow();
  });

  it.each([
    ['lb', 'wrong'],
    ['lb', ''],
    ['lb', undefined],
    ['default', 'secret'],
    [undefined, 'secret'],
    ['LB', 'secret'],
  ])('is not %s with %s, told as ClickHouse tells it', (user, password) => {
    expect(() => authenticate(LB, user, password)).toThrow(
      expect.objectContaining({
        code: 516,
        label: 'AUTHENTICATION_FAILED',
        message: expect.stringContaining(`${user ?? 'default'}: Authentication failed`),
      }),
    );
  });
});
