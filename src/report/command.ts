/** Programs that run another one: theirs is the name that says something. */
const RUNNERS = /^(?:node|python[\d.]*|perl|ruby|ba?sh|dash|sh|sudo|env)$/;

/** The end of a path. */
const named = (word: string): string => word.slice(word.lastIndexOf('/') + 1) || word;

/**
 * A command line as short as it can be told apart: programs without their paths, and `most` characters at most. What was done for somebody at the console
 * (`for alice@console: vslog collect ...`) is theirs alone.
 */
export function shortCommand(line: string, most = 40): string {
  const [, whom] = /^for (\S+): /.exec(line) ?? [];
  if (whom !== undefined) return whom;
  const [program = '', script, ...rest] = line.split(' ');
  const runs = RUNNERS.test(named(program)) && script !== undefined && !script.startsWith('-');
  const short = [named(program), ...(script === undefined ? [] : [runs ? named(script) : script]), ...rest].join(' ');
  const characters = [...short];
  return characters.length > most
    ? `${characters
        .slice(0, most - 1)
        .join('')
        .trimEnd()}…`
    : short;
}
