import { nearest } from './nearest.js';

/** The listeners, by the sections of their options. */
export const LISTENERS = ['metrics', 'console', 'clickhouse_http'] as const;
export type ListenerName = (typeof LISTENERS)[number];

const isListener = (word: string): word is ListenerName => (LISTENERS as readonly string[]).includes(word);

function wordsOf(text: string): string[] {
  return text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

/** The listeners that ask for no secret, by the value of `collector.listen_open`. */
export function openListeners(text: string): readonly ListenerName[] {
  const words = wordsOf(text);
  return words.includes('all') ? LISTENERS : words.filter(isListener);
}

/** What is wrong with a value, as the end of a sentence; undefined when nothing is. */
export function listenOpenFlaw(key: string, value: string | number | boolean): string | undefined {
  if (key !== 'collector.listen_open') return undefined;
  const wrong = wordsOf(String(value)).find((word) => word !== 'all' && !isListener(word));
  if (wrong === undefined) return undefined;
  const near = nearest(wrong, ['all', ...LISTENERS]);
  const meant = near === undefined ? '' : `; did you mean ${near}?`;
  return `has ${JSON.stringify(wrong)}: it must be all, or some of ${LISTENERS.join(', ')}, separated by commas${meant}`;
}

/** A sentence that names the listeners which are open; undefined: none is. */
export function openSentence(values: { readonly [K in `${ListenerName}.listen` | 'collector.listen_open']: string }): string | undefined {
  const open = openListeners(values['collector.listen_open']).filter((name) => values[`${name}.listen`] !== '');
  if (open.length === 0) return undefined;
  return `Open to every user of this machine: ${open.map((name) => `${name} at ${values[`${name}.listen`]}`).join(', ')} (collector.listen_open).`;
}
