import { createHash, timingSafeEqual } from 'node:crypto';

/** Of a fixed length, so that comparing it tells nothing of the secret's. */
export function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Whether what was given is the secret; takes as long for a wrong one as for the right one. */
export function isSecret(given: string, secret: string): boolean {
  return timingSafeEqual(digest(given), digest(secret));
}
