import { timingSafeEqual } from 'node:crypto';
import { ConfigError } from '../config/errors.js';
import type { Key } from '../config/schema.js';
import { readSecretFile } from '../config/secret.js';
import { digest } from '../listen/secret.js';

/** Shorter ones can be tried out. */
const SHORTEST = 16;
const LINE = /^(?:([A-Za-z0-9._-]{1,48})[ \t]+)?([\x21-\x7e]+)$/;

/** Who may do what the console does beyond looking: names and their tokens. */
export class Tokens {
  private readonly known: readonly { readonly name: string; readonly digest: Buffer }[];

  private constructor(known: readonly { readonly name: string; readonly digest: Buffer }[]) {
    this.known = known;
  }

  /** Reads lines `NAME TOKEN`, or `TOKEN` alone, whose name is then `token`; empty lines and # comments are left out. Undefined without a path. Throws ConfigError. */
  static read(option: Key, path: string): Tokens | undefined {
    if (path === '') return undefined;
    const known: { name: string; digest: Buffer }[] = [];
    for (const [i, raw] of readSecretFile(option, path).toString('utf8').split(/\r?\n/).entries()) {
      const line = raw.trim();
      if (line === '' || line.startsWith('#')) continue;
      const [, name = 'token', token] = LINE.exec(line) ?? [];
      // The line itself is not shown: it holds a secret.
      if (token === undefined)
        throw new ConfigError([
          `${option}: line ${i + 1} of ${path} must be NAME TOKEN: a name of A-Z a-z 0-9 . _ -, a blank, and the token.`,
        ]);
      if (token.length < SHORTEST)
        throw new ConfigError([
          `${option}: the token in line ${i + 1} of ${path} has ${token.length} characters: it must have ${SHORTEST} at least.`,
        ]);
      if (known.some((one) => one.name === name))
        throw new ConfigError([`${option}: line ${i + 1} of ${path} has the name ${name} a second time.`]);
      known.push({ name, digest: digest(token) });
    }
    if (known.length === 0) throw new ConfigError([`${option} names ${path}, which holds no token: put a line NAME TOKEN there.`]);
    return new Tokens(known);
  }

  /** Whose token a request's Authorization header bears (Bearer, or Basic with any name); undefined: nobody's. As long for a wrong token as for a right one. */
  holderOf(authorization: string | undefined): string | undefined {
    const [, scheme = '', text = ''] = /^(Bearer|Basic) (\S+)$/i.exec(authorization ?? '') ?? [];
    const given = digest(
      scheme.toLowerCase() === 'basic'
        ? Buffer.from(text, 'base64')
            .toString('utf8')
            .replace(/^[^:]*:/, '')
        : text,
    );
    let holder: string | undefined;
    for (const one of this.known) if (timingSafeEqual(one.digest, given)) holder = one.name;
    return holder;
  }
}
