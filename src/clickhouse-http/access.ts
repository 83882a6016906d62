import { isSecret } from '../listen/secret.js';
import { ClickHouseException } from './exception.js';

/** Who may ask. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** Throws ClickHouseException when it is not them. */
export function authenticate(wanted: Credentials | undefined, user: string | undefined, password: string | undefined): void {
  if (wanted === undefined) return;
  const rightUser = isSecret(user ?? 'default', wanted.user);
  const rightPassword = isSecret(password ?? '', wanted.password);
  if (rightUser && rightPassword) return;
  throw new ClickHouseException(
    516,
    'AUTHENTICATION_FAILED',
    `${user ?? 'default'}: Authentication failed: password is incorrect, or there is no user with such name`,
  );
}
