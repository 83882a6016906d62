/**
 * The secret of an Authorization header: of Bearer, or the password of Basic, whatever its name is. Undefined: nobody said who he is. Of anything else it is empty, which is nobody's
 * secret.
 */
export function secretOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined || authorization === '') return undefined;
  const [, scheme = '', text = ''] = /^(Bearer|Basic) (\S+)$/i.exec(authorization) ?? [];
  if (scheme.toLowerCase() !== 'basic') return text;
  return Buffer.from(text, 'base64')
    .toString('utf8')
    .replace(/^[^:]*:/, '');
}
