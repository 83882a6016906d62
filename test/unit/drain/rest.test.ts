import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../../src/cli/address.js';
import { parseServerKey, parseServiceKey } from '../../../src/cli/service-address.js';
import { predicted } from '../../../src/drain/drain.js';
import { lifetimesOf } from '../../../src/drain/history.js';
import { DrainMemory, drainMemoryBeside } from '../../../src/drain/memory.js';
import {
  byAge,
  byClient,
  type Place,
  type RestConnection,
  type RestKind,
  restConnection,
  restOf,
  stragglers,
  together,
} from '../../../src/drain/rest.js';
import { Survival } from '../../../src/drain/survival.js';
import type { ConnEvent } from '../../../src/wire/client.js';
import { toLong, v1 } from '../../../src/wire/proto.js';
import { withDirectory } from '../support/temporary.js';

const place = (service: string, counts = { active: 0, inactive: 0, persistent: 0 }): Place => {
  const real = {
    key: parseServerKey('10.0.0.11:8080'),
    settings: new Map([['real_weight', '0']]),
    overloaded: false,
    traffic: undefined,
    ...counts,
  };
  return { service: { key: parseServiceKey(service), settings: new Map(), reals: [real], traffic: undefined }, real };
};

const event = (more: object = {}): ConnEvent =>
  v1.ConnEvent.fromObject({
    ...{ protocol: 6, state: 1, time_ns: toLong(5_000_000_000n), created_ns: toLong(2_000_000_000n) },
    ...{ client_addr: parseAddress('10.1.0.1'), client_port: 4000, virtual_addr: parseAddress('10.0.0.1'), virtual_port: 80, ...more },
  }) as ConnEvent;

describe('a connection of a draining real server', () => {
  const [web, every, mark] = [place('tcp 10.0.0.1:80'), place('tcp 10.0.0.1:0'), place('fwmark 7')];
  const of = (more: object, places: readonly Place[]): Place | undefined => {
    const found = restConnection(event(more), places);
    return places.find(({ service }) => service === found.service);
  };

  it('counts for the service that it is of', () => {
    expect(of({}, [mark, web])).toBe(web);
    expect(of({ virtual_port: 81 }, [web])).toBeUndefined();
    expect(of({ virtual_port: 81 }, [web, every])).toBe(every);
    expect(of({ protocol: 17 }, [web, every])).toBeUndefined();
    expect(of({ virtual_addr: parseAddress('10.0.0.2') }, [web, every])).toBeUndefined();
  });

  it('is of a mark alone where there is one', () => {
    expect(of({ fwmark: 7, virtual_port: 9 }, [web, every, mark])).toBe(mark);
    expect(of({ fwmark: 8 }, [web, every, mark])).toBeUndefined();
    expect(of({}, [mark])).toBeUndefined();
  });

  it('may be a template, which has no port of its own', () => {
    expect(of({ is_template: true, virtual_port: 0 }, [web])).toBe(web);
    expect(of({ virtual_port: 0 }, [web])).toBeUndefined();
  });

  it('has an age where its beginning is known', () => {
    const age = (more: object) => restConnection(event(more), [web]).age;
    expect([age({}), age({ created_ns: toLong(0n) }), age({ created_ns: toLong(9_000_000_000n) })]).toEqual([3, undefined, 0]);
  });

  it.each<[string, object, RestKind]>([
    ['established', { state: 1 }, 'established'],
    ['UDP, which has one state', { protocol: 17, state: 0 }, 'established'],
    ['SCTP established', { protocol: 132, state: 8 }, 'established'],
    ['TIME_WAIT', { state: 5 }, 'other'],
    ['CLOSE', { state: 6 }, 'other'],
    ['FIN_WAIT', { state: 4 }, 'other'],
    ['SCTP closed', { protocol: 132, state: 13 }, 'other'],
    ['being opened this moment', { state: 3 }, 'established'],
    ['half open for long', { state: 3, time_ns: toLong(13_000_000_000n) }, 'other'],
    ['half open since nobody knows when', { state: 3, created_ns: toLong(0n) }, 'other'],
    ['one packet', { protocol: 17, state: 0, flags: 0x2000 }, 'other'],
    ['a template', { is_template: true }, 'template'],
  ])('counts as what it is: %s', (_what, more, kind) => {
    expect(restConnection(event(more), [web]).kind).toBe(kind);
  });
});

describe('what is left', () => {
  const [web, tls] = [
    place('tcp 10.0.0.1:80', { active: 3, inactive: 2, persistent: 1 }),
    place('tcp 10.0.0.1:443', { active: 4, inactive: 0, persistent: 5 }),
  ];
  const one = (client: string, age: number | undefined, template = false): RestConnection => ({
    ...{ service: web.service, client: parseAddress(client) as Uint8Array, port: 1, protocol: 6, state: 1, age },
    kind: template ? 'template' : 'established',
  });

  it("is the balancer's own sum over the services where it lists nothing", () => {
    expect(restOf([web, tls], undefined)).toEqual({ established: 7, others: 2, templates: 6, connections: undefined });
  });

  it('is what is listed; what is counted beside that is taken for established', () => {
    const over = { ...one('10.1.0.1', 5), kind: 'other' as const };
    const six = Array.from({ length: 6 }, () => one('10.1.0.1', 5));
    const of = (listed: readonly RestConnection[]) => {
      const { established, others, templates } = restOf([web, tls], listed);
      return [established, others, templates];
    };
    expect(of([...six, one('10.1.0.1', 5), over, over])).toEqual([7, 2, 6]);
    // Half-open ones are active to the balancer.
    expect(of([one('10.1.0.1', 5), ...Array.from({ length: 8 }, () => over)])).toEqual([1, 8, 6]);
    expect(of([...six, over, over])).toEqual([7, 2, 6]);
    expect(of([])).toEqual([7, 0, 6]);
    expect(restOf([], [one('10.1.0.1', 5), one('10.1.0.1', 5, true)])).toMatchObject({ established: 1, others: 0, templates: 1 });
  });

  it('is added up over directors; whom, only where all list them', () => {
    const [a, b] = [restOf([], [one('10.1.0.1', 5)]), restOf([web], undefined)];
    expect(together([a, a])).toMatchObject({ established: 2, others: 0, connections: [{}, {}] });
    expect(together([a, b])).toEqual({ established: 4, others: 2, templates: 1, connections: undefined });
  });

  it('is counted by classes of age, without those of which nobody knows it', () => {
    const connections = [0, 9.9, 10, 59, 60, 86_399, 86_400, 1e9, undefined].map((age) => one('10.1.0.1', age));
    expect(byAge(connections)).toEqual([
      { below: 10, count: 2 },
      { below: 60, count: 2 },
      { below: 600, count: 1 },
      { below: 86_400, count: 1 },
      { below: Number.POSITIVE_INFINITY, count: 2 },
    ]);
  });

  it('is counted by client, most first, then by name', () => {
    expect(byClient(['b', 'a', 'c', 'c'], (name) => name)).toEqual([
      ['c', 2],
      ['a', 1],
      ['b', 1],
    ]);
  });

  it('has stragglers: the oldest first, no templates, none of an unknown age', () => {
    const connections = [
      one('10.1.0.1', 5),
      one('10.1.0.2', 500),
      one('10.1.0.3', 900, true),
      one('10.1.0.4', undefined),
      one('10.1.0.5', 50),
    ];
    expect(stragglers(connections, 2).map(({ age }) => age)).toEqual([500, 50]);
  });

  it('is predicted by service; one of an unknown age is older than any history', () => {
    const rest = {
      established: 2,
      others: 0,
      templates: 1,
      connections: [one('10.1.0.1', 0), one('10.1.0.2', undefined), one('10.1.0.3', 0, true)],
    };
    const survival = new Survival(Array.from({ length: 50 }, () => ({ age: 60, ended: 1, censored: 0 })));
    expect(predicted(new Map([['tcp 10.0.0.1:80', survival]]), rest)).toMatchObject({ live: 2, unknown: 1 });
    expect(predicted(new Map(), rest)).toMatchObject({ live: 2, unknown: 2 });
    expect(predicted(new Map(), { ...rest, connections: undefined })).toBeUndefined();
    expect(predicted(new Map(), { ...rest, connections: [] })).toBeUndefined();
  });
});

it('lifetimes are read from numbers and from texts', () => {
  const answer = Buffer.from(
    JSON.stringify({
      data: [
        [1.5, '10', 2],
        ['60', 3, '0'],
      ],
    }),
  );
  expect(lifetimesOf(answer)).toEqual([
    { age: 1.5, ended: 10, censored: 2 },
    { age: 60, ended: 3, censored: 0 },
  ]);
});

describe('the memory of weights', () => {
  it('is beside the socket of the capture', () => {
    expect(drainMemoryBeside('/run/vslog/capture.sock')).toBe('/run/vslog/drains.json');
  });

  it('keeps the weight of each service and real server, until it is forgotten', () =>
    withDirectory(async (dir) => {
      const path = join(dir, 'made/drains.json');
      const memory = new DrainMemory(path);
      expect(memory.weightOf('web', 'a')).toBeUndefined();
      memory.remember('web', 'a', 3);
      memory.remember('web', 'b', 0);
      memory.remember('tls', 'a', 5);
      memory.remember('web', 'a', 4);
      const another = new DrainMemory(path);
      expect([another.weightOf('web', 'a'), another.weightOf('web', 'b'), another.weightOf('tls', 'a')]).toEqual([4, 0, 5]);
      another.forget('web', 'a');
      another.forget('web', 'nobody');
      expect([memory.weightOf('web', 'a'), memory.weightOf('tls', 'a')]).toEqual([undefined, 5]);
    }));

  it.each(['', '{', 'null', '[]', '7', '{"web > a":"3","web > b":1.5}'])('is as good as none when it is damaged: %j', (text) =>
    withDirectory(async (dir) => {
      const path = join(dir, 'drains.json');
      writeFileSync(path, text);
      const memory = new DrainMemory(path);
      expect([memory.weightOf('web', 'a'), memory.weightOf('web', 'b')]).toEqual([undefined, undefined]);
      memory.remember('web', 'a', 1);
      expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ 'web > a': 1 });
    }),
  );

  it('says so when it cannot be written', () =>
    withDirectory(async (dir) => {
      mkdirSync(join(dir, 'drains.json'));
      expect(() => new DrainMemory(join(dir, 'drains.json')).remember('web', 'a', 1)).toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
    }));
});
