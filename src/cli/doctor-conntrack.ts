import { readFileSync } from 'node:fs';
import { Exit } from './exit-codes.js';
import { type Finding, ok, warn } from './finding.js';

/** The value of a switch in /proc/sys/net; undefined when there is none of that name here, or it may not be read. */
export type ReadSwitch = (name: string) => string | undefined;

export const readSwitch: ReadSwitch = (name) => {
  try {
    return readFileSync(`/proc/sys/net/${name}`, 'utf8').trim();
  } catch {
    return undefined;
  }
};

/** What source conntrack finds here. `check`: what the capture itself says of running it. None of it keeps ip_vs from being recorded, so none is a failure. */
export function conntrackFindings(read: ReadSwitch, check: () => { code: number; sentence: string }): Finding[] {
  if (read('netfilter/nf_conntrack_max') === undefined) {
    return [
      warn(
        'nf_conntrack',
        'the kernel tracks no connections',
        'Only source conntrack needs it: modprobe nf_conntrack, as any rule with "ct" does.',
      ),
    ];
  }
  const { code, sentence } = check();
  return [
    code === Exit.ok
      ? ok('nf_conntrack', 'connections are tracked here, and may be recorded')
      : warn('nf_conntrack', 'source conntrack has nothing to record here, or may not', sentence),
    ...events(read('netfilter/nf_conntrack_events')),
    ...counted(read('netfilter/nf_conntrack_acct')),
    ...timed(read('netfilter/nf_conntrack_timestamp')),
    ...balanced(read('ipv4/vs/conntrack')),
  ];
}

function events(value: string | undefined): Finding[] {
  const name = 'conntrack events';
  if (value === undefined)
    return [warn(name, 'the kernel sends none', 'Source conntrack needs a kernel with CONFIG_NF_CONNTRACK_EVENTS=y.')];
  if (value === '0') return [warn(name, 'switched off', 'Source conntrack hears nothing: sysctl -w net.netfilter.nf_conntrack_events=1.')];
  return [
    ok(name, value === '2' ? 'on for connections that begin while somebody listens; of older ones the end is found by comparing' : 'on'),
  ];
}

function counted(value: string | undefined): Finding[] {
  if (value !== '0') return value === undefined ? [] : [ok('conntrack acct', 'packets and bytes are counted')];
  return [
    warn(
      'conntrack acct',
      'packets and bytes are not counted',
      'To have them in the log of source conntrack: sysctl -w net.netfilter.nf_conntrack_acct=1.',
    ),
  ];
}

function timed(value: string | undefined): Finding[] {
  if (value !== '0') return value === undefined ? [] : [ok('conntrack times', 'the kernel keeps begin and end')];
  return [
    warn(
      'conntrack times',
      'the kernel keeps no times',
      'Source conntrack then takes the time at which it read an event: sysctl -w net.netfilter.nf_conntrack_timestamp=1.',
    ),
  ];
}

/** Only where there is ip_vs. */
function balanced(value: string | undefined): Finding[] {
  if (value !== '0') return value === undefined ? [] : [ok('vs.conntrack', 'connections of ip_vs are tracked')];
  return [
    warn(
      'vs.conntrack',
      'connections of ip_vs are not tracked',
      'Source ipvs does not need it; source conntrack does: sysctl -w net.ipv4.vs.conntrack=1.',
    ),
  ];
}
