import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.js';
import { configuredSinks, sinkKinds } from '../../../src/sink/registry.js';
import { replaySegments, selectSegments } from '../../../src/sink/replay.js';
import { SinkRejection } from '../../../src/sink/sink.js';
import { FakeSink } from '../support/fake-sink.js';
import { withDirectory } from '../support/temporary.js';
import { makeSegment } from './file/files.js';

describe('the sinks of a configuration', () => {
  const names = async (flags: Readonly<Record<string, string>>) => {
    const { values } = loadConfig({ file: undefined, machine: { root: true, uid: 0, home: '/root', env: {} }, flags });
    return (await configuredSinks(values, { spoolDirectory: '/nowhere', version: '1' })).map(({ name }) => name);
  };

  it('are those that it asks for', async () => {
    expect(sinkKinds()).toEqual(['clickhouse', 'file', 'kafka']);
    expect(await names({})).toEqual([]);
    expect(await names({ 'file.dir': '/srv/x', 'kafka.brokers': 'a:9092', 'clickhouse.url': 'http://ch:8123' })).toEqual([
      'clickhouse',
      'file',
      'kafka',
    ]);
  });

  it('are not the server that is the store', async () => {
    expect(await names({ 'clickhouse.url': 'http://ch:8123', 'store.kind': 'server' })).toEqual([]);
  });
});

describe('segments that are brought once more', () => {
  // The events of makeSegment() are of one second, in November 2023.
  const SECOND = 1_700_000_000;
  const { signal } = new AbortController();

  it('are all, or those with an event in the time', () =>
    withDirectory(async (dir) => {
      const segments = [makeSegment(dir, 1, 1, 5), makeSegment(dir, 2, 6, 5)];
      const ids = async (selection: Parameters<typeof selectSegments>[1]) =>
        (await selectSegments(segments, selection)).map(({ id }) => id);
      expect(await ids({})).toEqual([1, 2]);
      expect(await ids({ fromSeconds: SECOND })).toEqual([1, 2]);
      expect(await ids({ fromSeconds: SECOND + 1 })).toEqual([]);
      expect(await ids({ toSeconds: SECOND })).toEqual([]);
      expect(await ids({ fromSeconds: SECOND, toSeconds: SECOND + 1 })).toEqual([1, 2]);
      const gone = { ...makeSegment(dir, 3, 11, 5), path: join(dir, 'removed') };
      expect(await selectSegments([gone], { fromSeconds: SECOND })).toEqual([]);
    }));

  it('do not keep each other back, and count what the sink did not have', () =>
    withDirectory(async (dir) => {
      const segments = [1, 2, 3].map((id) => makeSegment(dir, id, id * 10, 10));
      const sink = new FakeSink();
      sink.failure = ({ id }) => (id === 2 ? new SinkRejection('Field 99 is not known.') : undefined);
      const steps: string[] = [];
      const told = ({ segments: done, events }: { segments: number; events: number }): void => void steps.push(`${done}/${events}`);
      expect(await replaySegments(sink, segments, told, signal)).toEqual({
        ...{
          sink: 'fake',
          segments: 2,
          events: 20,
          absent: null,
          derived: null,
          changed: null,
          replaced: null,
          failed: [{ id: 2, reason: 'Field 99 is not known.' }],
        },
      });
      expect(steps).toEqual(['0/0', '1/10', '2/10', '3/20']);
      const restoring = {
        name: 'file',
        deliver: () => Promise.reject(new Error('It restores.')),
        restore: async ({ id }: { id: number }) => id,
      };
      expect(await replaySegments(restoring, segments, told, signal)).toMatchObject({ absent: 6, failed: [] });
    }));

  it('end when nobody wants them any more', () =>
    withDirectory(async (dir) => {
      const stop = new AbortController();
      const sink = new FakeSink();
      const segments = [1, 2].map((id) => makeSegment(dir, id, id * 10, 10));
      await expect(replaySegments(sink, segments, () => stop.abort(new Error('Enough.')), stop.signal)).rejects.toThrow('Enough.');
      expect(sink.tried).toEqual([1]);
    }));
});
