import { describe, expect, it } from 'vitest';
import { conntrackFindings } from '../../../src/cli/doctor-conntrack.js';

const ALL: Record<string, string> = {
  'netfilter/nf_conntrack_max': '1000',
  'netfilter/nf_conntrack_events': '1',
  'netfilter/nf_conntrack_acct': '1',
  'netfilter/nf_conntrack_timestamp': '1',
  'ipv4/vs/conntrack': '1',
};
const can = { code: 0, sentence: '' };

function states(switches: Record<string, string>, check = can): Record<string, string> {
  return Object.fromEntries(
    conntrackFindings(
      (name) => switches[name],
      () => check,
    ).map(({ name, state }) => [name, state]),
  );
}

describe('doctor, of connection tracking', () => {
  it('finds everything in order', () => {
    expect(states(ALL)).toEqual({
      nf_conntrack: 'ok',
      'conntrack events': 'ok',
      'conntrack acct': 'ok',
      'conntrack times': 'ok',
      'vs.conntrack': 'ok',
    });
  });

  it('says no more than that there is none', () => {
    const { 'netfilter/nf_conntrack_max': _, ...none } = ALL;
    expect(states(none)).toEqual({ nf_conntrack: 'warn' });
  });

  it.each([
    ['netfilter/nf_conntrack_events', 'conntrack events', 'nf_conntrack_events=1'],
    ['netfilter/nf_conntrack_acct', 'conntrack acct', 'nf_conntrack_acct=1'],
    ['netfilter/nf_conntrack_timestamp', 'conntrack times', 'nf_conntrack_timestamp=1'],
    ['ipv4/vs/conntrack', 'vs.conntrack', 'vs.conntrack=1'],
  ])('warns of %s = 0, and of nothing else', (name, finding, advice) => {
    const found = conntrackFindings(
      (one) => (one === name ? '0' : ALL[one]),
      () => can,
    );
    const warned = found.filter(({ state }) => state !== 'ok');
    expect(warned).toMatchObject([{ name: finding, state: 'warn', advice: expect.stringContaining(advice) }]);
  });

  it('knows events that are only for listeners, a kernel without events, and one without ip_vs', () => {
    const { 'ipv4/vs/conntrack': _, 'netfilter/nf_conntrack_events': __, ...few } = ALL;
    expect(states({ ...ALL, 'netfilter/nf_conntrack_events': '2' })['conntrack events']).toBe('ok');
    expect(states(few)).toMatchObject({ 'conntrack events': 'warn' });
    expect(states(few)).not.toHaveProperty('vs.conntrack');
  });

  it('hands on what the capture says', () => {
    const found = conntrackFindings(
      (name) => ALL[name],
      () => ({ code: 4, sentence: 'nothing is tracked: add a rule.' }),
    );
    expect(found[0]).toMatchObject({ name: 'nf_conntrack', state: 'warn', advice: 'nothing is tracked: add a rule.' });
  });
});
