import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Guard } from '../listen/guard.js';
import { isSecret } from '../listen/secret.js';
import { ClickHouseException } from './exception.js';

/** The one user who has a password of his own. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** What a request says of who asks. */
interface Claim {
  readonly user: string | undefined;
  readonly password: string | undefined;
}

/** Who may ask by HTTP: that user, and whoever bears a token of the guard's, by any name. */
export class SqlAccess {
  private readonly guard: Guard;
  private readonly credentials: Credentials | undefined;

  constructor(guard: Guard, credentials?: Credentials) {
    this.guard = guard;
    this.credentials = credentials;
  }

  /** A sentence when a page of somebody else's could have made a browser send this. */
  foreign(request: IncomingMessage): string | undefined {
    return this.guard.foreign(request);
  }

  /** Resolves when it is somebody who may ask. Rejects with ClickHouseException, when a password came that is none not at once. */
  async admit({ user, password }: Claim, response: ServerResponse): Promise<void> {
    if (this.guard.open) return;
    if (this.credentials !== undefined) {
      const rightUser = isSecret(user ?? 'default', this.credentials.user);
      const rightPassword = isSecret(password ?? '', this.credentials.password);
      if (rightUser && rightPassword) return;
    }
    const admission = await this.guard.admit(password === '' ? undefined : password, response);
    if (admission.in) return;
    const name = user ?? 'default';
    switch (admission.why) {
      case 'none':
        throw new ClickHouseException(
          194,
          'REQUIRED_PASSWORD',
          `${name}: Authentication failed: a password is asked for, which is the token in reader.token of collector.data_dir, one of console.token_file, or that of clickhouse_http.password_file`,
        );
      case 'crowd':
        throw new TooManyWrong();
      default:
        throw new ClickHouseException(
          516,
          'AUTHENTICATION_FAILED',
          `${name}: Authentication failed: password is incorrect, or there is no user with such name`,
        );
    }
  }
}

/** Too many wait already to be told that their password is wrong. */
export class TooManyWrong extends ClickHouseException {
  constructor() {
    super(516, 'AUTHENTICATION_FAILED', 'Authentication failed: too many wrong passwords, come again in a second');
  }
}
