import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { dumpToml } from '../../../src/config/dump.js';
import { ConfigError } from '../../../src/config/errors.js';
import { type Config, loadConfig, type Sources } from '../../../src/config/load.js';
import { type ServiceFlag, serviceArguments } from '../../../src/config/services.js';

const dir = mkdtempSync(join(tmpdir(), 'vslog-services-'));
afterAll(() => rmSync(dir, { recursive: true }));

function load(text: string, more: Partial<Sources> = {}): Config {
  const file = join(dir, 'vslog.toml');
  writeFileSync(file, text);
  return loadConfig({ file, machine: { root: true, uid: 0, home: '/root', env: {} }, ...more });
}

function problems(text: string, more: Partial<Sources> = {}): readonly string[] {
  try {
    load(text, more);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((problem) => problem.replaceAll(`${dir}/`, ''));
  }
  return [];
}

/** As the command line has them: `--flag value` pairs. */
function flags(...words: string[]): ServiceFlag[] {
  return words.map((word) => {
    const [flag = '', ...value] = word.split(' ');
    return { flag: flag.slice(2), value: value.join(' ') };
  });
}

const FILE = `[engine.knobs]
expire_nodest_conn = true
timeout_tcp = 300
[[service]]
at = "tcp://127.0.0.1:8080"
scheduler = "wrr"
real = [
  { at = "127.0.0.1:9001", weight = 2 }, # the big one
  { at = "[::1]:9002", upper = 10, lower = 5 },
]
[[service]]
at = "udp://[2001:db8::1]:53"
persistent = 300
netmask = "64"
one_packet = true
[[service.real]]
at = "10.0.0.1:53"
`;

describe('services', () => {
  it('come from the file', () => {
    const { services, knobs } = load(FILE);
    const origin = (line: number): string => `${dir}/vslog.toml:${line}`;
    expect(services).toEqual([
      {
        at: 'tcp://127.0.0.1:8080',
        scheduler: 'wrr',
        persistent: 0,
        netmask: '',
        onePacket: false,
        reals: [
          { at: '127.0.0.1:9001', weight: 2, upper: 0, lower: 0 },
          { at: '[::1]:9002', weight: 1, upper: 10, lower: 5 },
        ],
        origin: origin(4),
      },
      {
        at: 'udp://[2001:db8::1]:53',
        scheduler: 'wlc',
        persistent: 300,
        netmask: '64',
        onePacket: true,
        reals: [{ at: '10.0.0.1:53', weight: 1, upper: 0, lower: 0 }],
        origin: origin(11),
      },
    ]);
    expect(knobs).toEqual([
      { name: 'expire_nodest_conn', value: '1', origin: origin(2) },
      { name: 'timeout_tcp', value: '300', origin: origin(3) },
    ]);
  });

  it('are the same again when a dump is read', () => {
    const plain = ({ services, knobs }: Config): unknown => [services, knobs].map((list) => list.map(({ origin: _, ...rest }) => rest));
    const first = load(FILE);
    expect(plain(load(dumpToml(first)))).toEqual(plain(first));
  });

  it('come from flags, in whose order there is a meaning, and then not from the file; knobs add up', () => {
    const serviceFlags = flags(
      '--service tcp://127.0.0.1:1',
      '--real 127.0.0.1:2,weight=3,upper=9',
      '--scheduler sed',
      '--service udp://127.0.0.1:1',
      '--one-packet true',
    );
    const { services, knobs } = load(FILE, { serviceFlags, knobFlags: ['timeout_tcp=60', 'drop_entry=1'] });
    expect(services.flatMap(serviceArguments).join(' ')).toBe(
      '--service tcp://127.0.0.1:1 --scheduler sed --real 127.0.0.1:2,weight=3,upper=9 --service udp://127.0.0.1:1 --scheduler wlc --one-packet',
    );
    expect(knobs.map(({ name, value }) => `${name}=${value}`)).toEqual(['expire_nodest_conn=1', 'timeout_tcp=60', 'drop_entry=1']);
  });

  it('may be without real servers, which is said', () => {
    expect(load('[[service]]\nat = "tcp://127.0.0.1:80"').notes).toEqual([
      `${dir}/vslog.toml:1: service tcp://127.0.0.1:80 has no real servers, so nobody can be served there.`,
    ]);
  });

  it('of another source are said to be of no use', () => {
    expect(load('[capture]\nsource = "scripted"\n[[service]]\nat = "fwmark://7"\nreal = [{ at = "10.0.0.1:80" }]').notes).toEqual([
      `${dir}/vslog.toml:3: services are for source engine; source scripted does not use them.`,
    ]);
  });
});

describe('an IPv4 address that is written as an IPv6 one', () => {
  it('is that IPv4 address, so the same twice is told', () => {
    expect(problems('[[service]]\nat = "tcp://[::ffff:127.0.0.1]:80"\n[[service]]\nat = "tcp://127.0.0.1:80"')).toEqual([
      expect.stringMatching(
        /^vslog\.toml:4: service\.at is "tcp:\/\/127\.0\.0\.1:80": there is a service at this address already, at .*:2\.$/,
      ),
    ]);
    expect(problems('[[service]]\nat = "tcp://127.0.0.1:80"\nreal = [{ at = "10.0.200.1:80" }, { at = "[::FFFF:a00:c801]:80" }]')).toEqual([
      expect.stringContaining('has this real server already'),
    ]);
  });
});

describe('a problem of a service', () => {
  const service = (rest: string): readonly string[] => problems(`[[service]]\nat = "tcp://127.0.0.1:80"\n${rest}`);

  it('is a scheduler that there is not', () => {
    expect(service('scheduler = "wr"')).toEqual([
      'vslog.toml:3: service.scheduler is "wr": it must be rr, wrr, lc, wlc, sed, nq, fo, ovf, sh, dh, mh, lblc, lblcr or twos; did you mean wrr?',
    ]);
  });

  it('is a negative weight, in its line', () => {
    expect(service('real = [\n  { at = "10.0.0.1:80" },\n  { at = "10.0.0.2:80", weight = -1 },\n]')).toEqual([
      'vslog.toml:5: service.real.weight is -1: it must be a whole number from 0 to 2147483647.',
    ]);
  });

  it('is an upper threshold below the lower one', () => {
    expect(service('real = [{ at = "10.0.0.1:80", upper = 5, lower = 6 }]')).toEqual([
      'vslog.toml:3: service.real.lower is 6: it must not be above upper, which is 5.',
    ]);
    expect(service('real = [{ at = "10.0.0.1:80", lower = 6 }]')[0]).toMatch(/not be above upper, which is 0, no limit\.$/);
  });

  it('is an address that another has, however it is written', () => {
    expect(problems('[[service]]\nat = "tcp://[2001:db8::1]:80"\n\n[[service]]\nat = "tcp://[2001:0db8:0::1]:80"')).toEqual([
      'vslog.toml:5: service.at is "tcp://[2001:0db8:0::1]:80": there is a service at this address already, at vslog.toml:2.',
    ]);
    expect(problems('[[service]]\nat = "tcp://127.0.0.1:80"\n[[service]]\nat = "udp://127.0.0.1:80"')).toEqual([]);
    expect(service('real = [{ at = "10.0.0.1:80" }, { at = "10.0.0.1:80" }]')[0]).toMatch(/has this real server already\.$/);
  });

  it('is an address that is none', () => {
    for (const at of [
      '127.0.0.1:80',
      'tcp://127.0.0.1',
      'tcp://host:80',
      'tcp://::1:80',
      'tcp://127.0.0.1:65536',
      'fwmark://0',
      'icmp://127.0.0.1:80',
    ]) {
      expect(problems(`[[service]]\nat = "${at}"`), at).toEqual([
        expect.stringContaining(`vslog.toml:2: service.at is "${at}": it must be tcp://`),
      ]);
    }
    expect(problems('[[service]]\nscheduler = "rr"')).toEqual([
      'vslog.toml:1: this service has no address: say at = "tcp://192.0.2.1:80".',
    ]);
  });

  it('is a field that there is not', () => {
    expect(service('shceduler = "rr"')).toEqual(['vslog.toml:3: there is no option service.shceduler; did you mean scheduler?']);
    expect(problems('\n[[services]]\nat = "x"')).toEqual(['vslog.toml:2: there is no option services; did you mean [[service]]?']);
    expect(problems('\n[service]\nat = "x"')).toEqual(['vslog.toml:2: service must be written as a list of tables: [[service]].']);
  });

  it('is a flag without its service', () => {
    expect(problems('', { serviceFlags: flags('--real 10.0.0.1:80') })).toEqual([
      'flag --real: it belongs to the --service before it, and there is none.',
    ]);
  });

  it('names the flag', () => {
    expect(problems('', { serviceFlags: flags('--service tcp://10.0.0.1:80', '--persistent 5m', '--real 10.0.0.1:80,wieght=2') })).toEqual([
      'flag --service tcp://10.0.0.1:80 --persistent: service.persistent is "5m": it must be a whole number from 0 to 2678400.',
      'flag --real 10.0.0.1:80,wieght=2: there is no option service.real.wieght; did you mean weight?',
    ]);
    expect(problems('', { knobFlags: ['drop_entry'] })).toEqual([
      'flag --knob: "drop_entry" must be NAME=VALUE, such as expire_nodest_conn=1.',
    ]);
  });
});
