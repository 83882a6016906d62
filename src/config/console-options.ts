import { parseListen } from '../listen/address.js';
import { type CommandName, path, text } from './option.js';

const collector: readonly CommandName[] = ['collect', 'up'];

/** `[console]`: the web page. */
export const consoleOptions = {
  'console.listen': text({
    default: '127.0.0.1:9488',
    doc: 'Where the collector serves its web console; empty: nowhere.',
    more: '`vslog console` opens it, for who may read what was logged. Elsewhere than on loopback only with a `console.token_file`. When the address is taken and was not asked for, the collector says so and goes on without. [console.md](console.md)',
    flag: 'console-listen',
    commands: collector,
  }),
  'console.token_file': path({
    default: '',
    defaultDoc: 'none: it only shows',
    doc: 'A file of tokens of people and programs: lines NAME TOKEN, or NAME TOKEN read.',
    more: 'With a token of the first kind the console lets its holder change something, which stands in the log with the name; one of the second kind only reads. Both read at every listener, as `reader.token` does. A token has 16 characters at least; `# ...` is a comment. Who may read what was logged must not be able to read this file. It is read at the start. [console.md](console.md)',
    flag: 'console-token-file',
    commands: collector,
  }),
};

/** What is wrong with a value, as the end of a sentence; undefined when nothing is. */
export function consoleFlaw(key: string, value: string | number | boolean): string | undefined {
  if (key !== 'console.listen' || value === '' || parseListen(String(value)) !== undefined) return undefined;
  return `is ${JSON.stringify(value)}: it must be like 127.0.0.1:9488 or [::1]:9488, or empty`;
}
