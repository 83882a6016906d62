import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { SqlAccess, TooManyWrong } from '../../../src/clickhouse-http/access.js';
import { keyOf } from '../../../src/listen/keyring.js';
import { Penalty } from '../../../src/listen/penalty.js';
import { closedGuard, openGuard } from '../../support/guards.js';

const LB = { user: 'lb', password: 'secret' };
const TOKEN = 'the token of readers';
const guarded = () => closedGuard([keyOf('reader', TOKEN)]);
const admit = (access: SqlAccess, user?: string, password?: string) =>
  access.admit({ user, password }, new EventEmitter() as unknown as ServerResponse);

describe('who may ask by HTTP', () => {
  it('is everybody where it is open, whatever they say', async () => {
    const access = new SqlAccess(openGuard());
    await admit(access);
    await admit(access, 'lb', 'x');
    await admit(access, 'default', '');
  });

  it('is the user with the password', async () => {
    await admit(new SqlAccess(guarded(), LB), 'lb', 'secret');
    await admit(new SqlAccess(guarded(), { user: 'default', password: 'secret' }), undefined, 'secret');
  });

  it('is who has a token, by any name, also beside a password', async () => {
    for (const access of [new SqlAccess(guarded()), new SqlAccess(guarded(), LB)])
      for (const user of [undefined, 'default', 'grafana', 'lb']) await admit(access, user, TOKEN);
  });

  it.each([
    ['lb', 'wrong'],
    ['default', 'secret'],
    [undefined, 'secret'],
    ['LB', 'secret'],
    ['lb', `${TOKEN} `],
  ])('is not %s with %s, told as ClickHouse tells it', async (user, password) => {
    await expect(admit(new SqlAccess(guarded(), LB), user, password)).rejects.toMatchObject({
      code: 516,
      label: 'AUTHENTICATION_FAILED',
      message: expect.stringContaining(`${user ?? 'default'}: Authentication failed`),
    });
  });

  it.each([
    ['lb', ''],
    ['lb', undefined],
    [undefined, undefined],
  ])('is asked for a password: %s with %s', async (user, password) => {
    await expect(admit(new SqlAccess(guarded(), LB), user, password)).rejects.toMatchObject({ code: 194, label: 'REQUIRED_PASSWORD' });
  });

  it('is told to come again where too many wrong passwords wait', async () => {
    const access = new SqlAccess(closedGuard([], { penalty: new Penalty({ most: 0 }) }));
    await expect(admit(access, 'default', 'wrong')).rejects.toBeInstanceOf(TooManyWrong);
  });
});
