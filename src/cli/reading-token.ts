import { prepareReaderToken, type ReaderToken, readerTokenFile } from '../access/reader-token.js';
import { reason } from '../api/listen.js';
import { LISTENERS, openListeners, openSentence } from '../config/listen-open.js';
import type { Values } from '../config/schema.js';
import { type Keyring, keyOf } from '../listen/keyring.js';

/** Why a file cannot be written that is not a fault of the configuration. */
const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EROFS']);

/**
 * Lets those in who may read the file of the reading token, from now on: adds it to the keys of the listeners. Returns what a person should know. Throws PlaceError, and the system's
 * error; but where nothing can be written the collector goes on, since delivery comes first, and lets nobody in by it.
 */
export function letReadersIn(values: Values, readers: Keyring, prepare: (data: string) => ReaderToken = prepareReaderToken): string[] {
  const data = values['collector.data_dir'];
  const open = openListeners(values['collector.listen_open']);
  const asking = LISTENERS.some((name) => values[`${name}.listen`] !== '' && !open.includes(name));
  const notes: (string | undefined)[] = [openSentence(values)];
  try {
    const reader = prepare(data);
    readers.add(keyOf('reader', reader.token));
    if (asking) notes.push(tokenText(reader));
  } catch (error) {
    if (!NO_ROOM.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    if (asking) notes.push(`${readerTokenFile(data)} cannot be written: ${reason(error)}. Until the next start nobody is let in by it.`);
  }
  return notes.filter((line) => line !== undefined);
}

function tokenText({ path, made }: ReaderToken): string | undefined {
  switch (made) {
    case 'first':
      return `Ports on loopback ask for a token from now on. It is in ${path}: sed 's/^/Authorization: Bearer /' ${path} | curl -H @- URL. A browser is let in by "vslog console".`;
    case 'again':
      return `${path} could be read by others than those who may read the log, so it has a new token: bring it to every program that uses it.`;
    default:
      return undefined;
  }
}
