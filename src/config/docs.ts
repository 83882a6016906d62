import { envName, type Key, keys, optionOf } from './schema.js';
import { allowed, show } from './value.js';

const INTRO = `# Configuration

<!-- Written by \`vslog config docs\` from src/config/schema.ts. -->

vslog reads one TOML file, then the environment, then flags; what comes later is stronger. The file is \`/etc/vslog/vslog.toml\`, or the one that \`--config\`
or \`VSLOG_CONFIG\` names. An option \`spool.max_bytes\` is the key \`max_bytes\` of the table \`[spool]\`.

- \`vslog config check [FILE]\` says what is wrong with a file, each time with line, option, value and what is allowed.
- \`vslog config dump\` prints the effective values and where each comes from.
- Sizes: \`4K\`, \`16M\`, \`2G\` (powers of 1024), or bytes. Times: \`500ms\`, \`2s\`, \`5m\`, \`1h\`; a number alone has no unit and is refused.
- \`VSLOG_DEBUG=1\` shows the stack of an unexpected error.
`;

const TABLES: Readonly<Record<string, string>> = {
  capture: 'The privileged half: what is watched, and the journal and socket it is handed on through.',
  collector: 'The unprivileged half.',
  spool: 'Events on disk until every sink has them.',
  store: 'Where events can be queried.',
};

/** docs/config.md. */
export function configDocs(): string {
  const parts = [INTRO];
  let table = '';
  for (const key of keys) {
    const name = key.slice(0, key.indexOf('.'));
    if (name !== table) {
      table = name;
      parts.push(`## [${name}]\n\n${TABLES[name] ?? ''}\n`);
    }
    parts.push(section(key));
  }
  return parts.join('\n');
}

function section(key: Key): string {
  const option = optionOf(key);
  // The defaults of a machine that is like any other; what differs has words of its own.
  const value = option.defaultDoc ?? `\`${show(option, option.default({ root: true, uid: 0, home: '/root', env: {} }))}\``;
  const unit = option.unit === undefined ? '' : ` (${option.unit})`;
  const more = option.more === undefined ? '' : ` ${option.more}`;
  return [
    `### ${key}`,
    '',
    `${option.doc}${more}`,
    '',
    `- Value: ${allowed(option)}${unit}`,
    `- Default: ${value}`,
    `- Environment: \`${envName(key)}\``,
    `- Flag: \`--${option.flag}\` of ${option.commands.map((command) => `\`${command}\``).join(', ')}`,
    '',
  ].join('\n');
}
