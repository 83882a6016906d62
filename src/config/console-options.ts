import { parseListen } from '../listen/address.js';
import { type CommandName, path, text } from './option.js';

const collector: readonly CommandName[] = ['collect', 'up'];

/** `[console]`: the web page. */
export const consoleOptions = {
  'console.listen': text({
    default: '127.0.0.1:9488',
    doc: 'Where the collector serves its web console; empty: nowhere.',
    more: 'Elsewhere than on loopback only with a `console.token_file`. When the address is taken and was not asked for, the collector says so and goes on without. [console.md](console.md)',
    flag: 'console-listen',
    commands: collector,
  }),
  'console.token_file': path({
    default: '',
    defaultDoc: 'none: it only shows, and only to this machine',
    doc: 'A file of the tokens with which the console lets people change something: lines NAME TOKEN.',
    more: 'A token has 16 characters at least; `# ...` is a comment. Changes stand in the log with the name. Elsewhere than on loopback a token is asked for to look, too: a browser asks for a name, which may be any, and a password, which is the token. [console.md](console.md)',
    flag: 'console-token-file',
    commands: collector,
  }),
};

/** What is wrong with a value, as the end of a sentence; undefined when nothing is. */
export function consoleFlaw(key: string, value: string | number | boolean): string | undefined {
  if (key !== 'console.listen' || value === '' || parseListen(String(value)) !== undefined) return undefined;
  return `is ${JSON.stringify(value)}: it must be like 127.0.0.1:9488 or [::1]:9488, or empty`;
}
