/** The secret of an Authorization header: of Bearer, or the password of Basic, whatever its name is. Undefined: it has none that we know. */
export function secretOf(authorization: string | undefined): string | undefined {
  const [, scheme = '', text = ''] = /^(Bearer|Basic) (\S+)$/i.exec(authorization ?? '') ?? [];
  if (scheme === '') return undefined;
  if (scheme.toLowerCase() === 'bearer') return text;
  return Buffer.from(text, 'base64')
    .toString('utf8')
    .replace(/^[^:]*:/, '');
}
