import type { Option } from './option.js';
import { envName, type Key, keys, optionOf, realSchema, serviceSchema } from './schema.js';
import { allowed, show } from './value.js';

const INTRO = `# Configuration

<!-- Written by \`vslog config docs\` from src/config/schema.ts. -->

vslog reads one TOML file, then the environment, then flags; what comes later is stronger. The file is \`/etc/vslog/vslog.toml\`, or the one that \`--config\`
or \`VSLOG_CONFIG\` names. An option \`spool.max_bytes\` is the key \`max_bytes\` of the table \`[spool]\`.

- \`vslog config check [FILE]\` says what is wrong with a file, each time with line, option, value and what is allowed; services and knobs are tried by vslog-capture too.
- \`vslog config dump\` prints the effective values and where each comes from.
- Sizes: \`4K\`, \`16M\`, \`2G\` (powers of 1024), or bytes. Times: \`500ms\`, \`2s\`, \`5m\`, \`1h\`; a number alone has no unit and is refused.
- \`VSLOG_DEBUG=1\` shows the stack of an unexpected error.
`;

const TABLES: Readonly<Record<string, string>> = {
  capture: 'The privileged half: what is watched, and the journal and socket it is handed on through.',
  conntrack: 'Source `conntrack`, the kernel’s connection tracking.',
  engine: 'Source `engine`, the embedded balancer. Its virtual services are `[[service]]`, below.',
  collector: 'The unprivileged half.',
  spool: 'Events on disk until every sink has them.',
  store: 'Where events can be queried.',
  clickhouse: 'A ClickHouse server or cluster that gets every event.',
  clickhouse_http: 'ClickHouse’s HTTP protocol, answered by the embedded store.',
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
  parts.push(KNOBS, SERVICES, ...fields('service', serviceSchema), ...fields('service.real', realSchema));
  return parts.join('\n');
}

const KNOBS = `## [engine.knobs]

Knobs of the engine. Names, values, defaults and meaning are those of the kernel's \`net.ipv4.vs.*\`; besides them there are the timeouts that
\`ipvsadm --set\` sets (\`timeout_tcp\`, \`timeout_tcpfin\`, \`timeout_udp\`) and two that the kernel does not let one set (\`timeout_timewait\`, \`timeout_close\`), in seconds.
A knob that is not named keeps its default. On the command line: \`--knob NAME=VALUE\` of \`capture\` and \`up\`, repeatable, stronger than the file. Not in the environment.

\`\`\`toml
[engine.knobs]
expire_nodest_conn = 1
timeout_tcp = 300
\`\`\`
`;

const SERVICES = `## [[service]]

The virtual services of source \`engine\`, any number of them; source \`ipvs\` has its own from ipvsadm or keepalived and does not look here. Not in the environment.

\`\`\`toml
[[service]]
at = "tcp://127.0.0.1:8080"
scheduler = "wrr"
real = [
  { at = "127.0.0.1:9001", weight = 2 },
  { at = "127.0.0.1:9002", weight = 1, upper = 1000, lower = 800 },
]
\`\`\`

The same on the command line, where everything that follows a \`--service\` belongs to it. With any \`--service\` the services of the file do not count.

\`\`\`sh
vslog up --source engine --service tcp://127.0.0.1:8080 --scheduler wrr --real 127.0.0.1:9001,weight=2 --real 127.0.0.1:9002,weight=1,upper=1000,lower=800
\`\`\`
`;

/** The fields of a table in a list. */
function fields(table: string, schema: Readonly<Record<string, Option<string> | Option<number> | Option<boolean>>>): string[] {
  return Object.entries(schema).map(([name, option]) => {
    const flag = name === 'at' || table === 'service' ? `\`--${option.flag}\`` : `\`,${name}=\` in \`--${option.flag}\``;
    return entry(`${table}.${name}`, option as Option, [`- Flag: ${flag} of ${commandsOf(option as Option)}`]);
  });
}

function section(key: Key): string {
  const option = optionOf(key);
  return entry(key, option, [`- Environment: \`${envName(key)}\``, `- Flag: \`--${option.flag}\` of ${commandsOf(option)}`]);
}

function commandsOf({ commands }: Option): string {
  return commands.map((command) => `\`${command}\``).join(', ');
}

function entry(name: string, option: Option, places: readonly string[]): string {
  // The defaults of a machine that is like any other; what differs has words of its own.
  const value = option.defaultDoc ?? `\`${show(option, option.default({ root: true, uid: 0, home: '/root', env: {} }))}\``;
  const unit = option.unit === undefined ? '' : ` (${option.unit})`;
  const more = option.more === undefined ? '' : ` ${option.more}`;
  return [`### ${name}`, '', `${option.doc}${more}`, '', `- Value: ${allowed(option)}${unit}`, `- Default: ${value}`, ...places, ''].join(
    '\n',
  );
}
