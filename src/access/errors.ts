/** A folder, file or socket that somebody else could read, replace or have put there. The message is a sentence with what to do. */
export class PlaceError extends Error {
  override readonly name = 'PlaceError';
}
