import { type Knob, knobs } from './catalogue.js';
import { allowed } from './value.js';

const INTRO = `# Knobs

<!-- Written by \`vslog knob docs\` from proto/knobs.json. -->

Everything of a balancer that can be turned, and what turning it does. Values are as the kernel has them.

`;

const GROUPS: Readonly<Record<string, string>> = {
  expiry: 'When connections end before their time',
  timeouts: 'Timeouts of the balancer',
  defence: 'Defence under load',
  scheduling: 'Scheduling',
  forwarding: 'Forwarding',
  sync: 'Synchronisation with a backup',
  statistics: 'Statistics',
  tables: 'Tables',
  modules: 'Modules',
  service: 'Virtual services',
  real: 'Real servers',
  conntrack: 'Connection tracking',
  'conntrack-timeouts': 'Timeouts of connection tracking',
  capture: 'The capture',
  engine: 'The embedded balancer',
};

const SCOPES: Readonly<Record<Knob['scope'], string>> = {
  netns: 'of each network namespace its own',
  global: 'one for the machine',
  service: 'of each virtual service its own',
  real: 'of each real server its own',
  capture: 'of the capture',
};

const PLACES: Readonly<Record<Knob['backing'], (path: string) => string>> = {
  'sysctl-ipvs': (path) => `sysctl \`${path.replaceAll('/', '.')}\``,
  'sysctl-conntrack': (path) => `sysctl \`${path.replaceAll('/', '.')}\``,
  'ipvs-netlink': (path) => `\`ipvsadm --set\`, netlink \`${path}\``,
  service: (path) => `netlink \`${path}\``,
  'real-server': (path) => `netlink \`${path}\``,
  'module-parameter': (path) => `\`/sys/${path}\``,
  engine: (path) => `option \`--${path}\` of \`vslog-capture\``,
  capture: (path) => `option \`--${path}\` of \`vslog-capture\``,
};

/** docs/knobs.md. */
export function knobDocs(): string {
  const groups = [...new Set(knobs.map(({ group }) => group))];
  const contents = groups.map((group) => `- [${title(group)}](#${anchor(title(group))}): ${names(group)}`);
  const sections = groups.map(
    (group) =>
      `## ${title(group)}\n\n${knobs
        .filter((knob) => knob.group === group)
        .map(section)
        .join('\n')}`,
  );
  return `${INTRO}${contents.join('\n')}\n\n${sections.join('\n')}`;
}

function title(group: string): string {
  return GROUPS[group] ?? group;
}

function anchor(heading: string): string {
  return heading.toLowerCase().replaceAll(' ', '-');
}

function names(group: string): string {
  return knobs
    .filter((knob) => knob.group === group)
    .map(({ name }) => `\`${name}\``)
    .join(', ');
}

function section(knob: Knob): string {
  const lines = [
    `Takes ${allowed(knob)}`,
    ...(knob.values ?? []).map(({ value, doc }) => `  - \`${value}\`: ${doc}`),
    `Default: ${knob.default === undefined ? (knob.defaultDoc ?? '') : `\`${knob.default}\``}`,
    `Where: ${PLACES[knob.backing](knob.path)}, ${SCOPES[knob.scope]}${knob.option === undefined ? '' : `; \`${knob.option}\` in [config.md](config.md)`}`,
    ...(knob.writable ? [] : ['Can be read only']),
    ...(knob.live || !knob.writable ? [] : ['Works from the next start on']),
    ...(knob.engine === true ? ['The embedded balancer has it, too'] : []),
    ...(knob.needs === undefined ? [] : [`Needs ${knob.needs}`]),
    ...(knob.since === undefined ? [] : [`Since Linux ${knob.since}`]),
    ...(knob.flips === undefined ? [] : [`The kernel itself goes between ${knob.flips.join(' and ')}`]),
    ...(knob.notAbove === undefined ? [] : [`Not above \`${knob.notAbove}\``]),
    `Cost: ${knob.cost.replace(/\.$/, '')}`,
    ...(knob.interacts.length === 0 ? [] : [`See also: ${knob.interacts.map((name) => `\`${name}\``).join(', ')}`]),
    ...(knob.records.length === 0 ? [] : [`Changes the records: ${knob.records.map((record) => `\`${record}\``).join(', ')}`]),
    `Source: ${knob.source}`,
  ];
  const more = knob.more === '' ? '' : `${knob.more}\n\n`;
  return `### ${knob.name}\n\n${knob.doc} ${more === '' ? '\n\n' : `\n\n${more}`}${lines.map((line) => (line.startsWith('  ') ? line : `- ${line}`)).join('\n')}\n`
    .replaceAll(' \n', '\n')
    .replaceAll(/\n{3,}/g, '\n\n');
}
