import { createHash, timingSafeEqual } from 'node:crypto';
import { ClickHouseException } from './exception.js';

/** Who may ask. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Throws ClickHouseException when it is not them. */
export function authenticate(wanted: Credentials | undefined, user: string | undefined, password: string | undefined): void {
  if (wanted === undefined) return;
  const rightUser = timingSafeEqual(digest(user ?? 'default'), digest(wanted.user));
  const rightPassword = timingSafeEqual(digest(password ?? ''), digest(wanted.password));
  if (rightUser && rightPassword) return;
  throw new ClickHouseException(
    516,
    'AUTHENTICATION_FAILED',
    `${user ?? 'default'}: Authentication failed: password is incorrect, or there is no user with such name`,
  );
}
