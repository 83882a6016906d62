import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { StatusDocument } from '../../src/api/status.js';
import type { SinkReport } from '../../src/sink/comparison.js';
import { until } from '../support/patience.js';
import { collectorOf, delivered, rowsOf } from './collector-api.js';
import { type Up, Vslog } from './support/vslog.js';

const EVENTS = 12_000;
let vslog: Vslog | undefined;

afterEach(() => vslog?.clean());

/** Collector and capture of one test. */
class Stage {
  readonly on = new Vslog();
  readonly api = collectorOf(this.on);
  readonly spool = join(this.on.dir, 'data/spool');
  private readonly flags: readonly string[];

  constructor(...flags: string[]) {
    this.flags = ['--segment-events', '500', '--segment-age', '50ms', ...flags];
  }

  async collect(...flags: string[]): Promise<Up> {
    const collector = this.on.start('collect', ...this.flags, ...flags);
    await collector.says(/ready/);
    return collector;
  }

  async capture(events: number): Promise<Up> {
    const capture = this.on.start('capture', '--source', 'scripted', '--scripted-events', String(events), '--scripted-rate', '20000');
    await capture.says(/ready/);
    return capture;
  }

  status(): Promise<StatusDocument> {
    return this.api.status();
  }

  /** What verify says of a sink. */
  async verified(sink: string): Promise<SinkReport | undefined> {
    return (await this.api.verify(() => undefined)).sinks.find(({ name }) => name === sink);
  }

  segments(): number[] {
    return [...new Set(readdirSync(this.spool).flatMap((name) => (/^\d{12}\./.test(name) ? [Number(name.slice(0, 12))] : [])))].sort(
      (a, b) => a - b,
    );
  }
}

/** Lines of JSON in the finished and unfinished files, by (epoch, sequence) of connection events. */
function inFiles(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => /^conn-/.test(name))
    .flatMap((name) => readFileSync(join(dir, name), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map((line) => {
      const { epoch, sequence } = JSON.parse(line) as { epoch: string; sequence: number };
      return `${epoch} ${sequence}`;
    });
}

describe('what a sink has not got', () => {
  it('stays over starts that keep little, while that sink cannot write and while it is switched off, until it is forgotten', async () => {
    const stage = new Stage('--spool-max-segments', '2');
    vslog = stage.on;
    const taken = join(vslog.dir, 'taken');
    const files = join(taken, 'files');
    writeFileSync(taken, 'no folder');
    const both = ['--file-dir', files, '--file-compression', 'none'];
    let collector = await stage.collect(...both);
    const capture = await stage.capture(EVENTS);
    await until('the store has everything', async () => {
      const { counters, lag_events, sinks } = await stage.status();
      return counters.events >= EVENTS && lag_events === 0 && sinks[0]?.lag_events === 0;
    });
    const before = stage.segments();
    for (let start = 0; start < 3; start++) {
      // It says by its exit code whether a sink lacks something.
      expect(await collector.end()).toBe(start % 2 === 0 ? 8 : 0);
      // Each other time it is off.
      collector = await stage.collect(...(start % 2 === 0 ? [] : both));
      expect(stage.segments()).toEqual(expect.arrayContaining(before));
    }
    const { idle_sinks } = await stage.status();
    expect(idle_sinks).toMatchObject([{ name: 'file', error: null }]);
    expect(idle_sinks[0]?.lag_events).toBeGreaterThanOrEqual(EVENTS);
    expect((await stage.on.ran('status')).out).toMatch(/sink file +not configured: .* held back for it\n.*vslog sink forget file/);
    await collector.end();

    rmSync(taken);
    collector = await stage.collect(...both);
    const status = await delivered(stage.api, 0);
    expect(status.sinks.map(({ name, lacks, doubt }) => [name, lacks, doubt])).toEqual([
      ['embedded', null, null],
      ['file', null, null],
    ]);
    const [row] = await rowsOf<{ events: string }>(stage.api, 'SELECT toString(count()) AS events FROM conn_events');
    const found = inFiles(files);
    expect([found.length, new Set(found).size]).toEqual([Number(row?.events), Number(row?.events)]);
    expect(await stage.verified('file')).toMatchObject({ ok: true, lacks: null });

    // A configured sink is not forgotten; one that is off is, and comes back as a new one that is told what it will not have.
    expect(await stage.on.ran('sink', 'forget', 'file')).toMatchObject({ err: expect.stringMatching(/Sink file is configured/) });
    await collector.end();
    collector = await stage.collect();
    expect((await stage.on.ran('sink', 'forget', 'nobody')).err).toMatch(/There is no sink "nobody": there are embedded, file\./);
    expect(await stage.on.ran('sink', 'forget', 'file')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^Nothing is held back for sink file/),
    });
    expect((await stage.status()).idle_sinks).toEqual([]);
    await collector.end();
    collector = await stage.collect(...both);
    await delivered(stage.api, 0);
    expect((await stage.on.ran('verify')).out).toMatch(/FAIL sink file: It came when segments 1 to \d+ had gone from the spool/);
    expect(await stage.verified('file')).toMatchObject({ ok: false, missing: 0, lacks: { first_segment: 1, new: true, accepted: false } });
    expect(inFiles(files).length).toBe(found.length);
    expect((await stage.on.ran('sink', 'accept', 'file')).code).toBe(0);
    expect(await stage.verified('file')).toMatchObject({ ok: true, lacks: { new: true, accepted: true } });
    await collector.end();
    await capture.end();
  });
});

describe('a spool whose newest segments were removed', () => {
  it('gives no id twice: what comes afterwards reaches every sink, and what is missing is told', async () => {
    const stage = new Stage();
    vslog = stage.on;
    const files = join(vslog.dir, 'files');
    const flags = ['--file-dir', files, '--file-compression', 'none'];
    let collector = await stage.collect(...flags);
    let capture = await stage.capture(EVENTS);
    await delivered(stage.api, EVENTS);
    await collector.end();
    await capture.end();
    const all = stage.segments();
    const newest = all.at(-1) ?? 0;
    const removed = all.slice(-6);
    for (const name of readdirSync(stage.spool)) if (removed.includes(Number(name.slice(0, 12)))) rmSync(join(stage.spool, name));

    collector = await stage.collect(...flags);
    capture = await stage.capture(EVENTS + 3000);
    await delivered(stage.api, 3000);
    expect(
      stage
        .segments()
        .filter((id) => id > (all.at(-7) ?? 0))
        .every((id) => id > newest),
    ).toBe(true);
    const [row] = await rowsOf<{ events: string; distinct: string }>(
      stage.api,
      'SELECT toString(count()) AS events, toString(uniqExact(epoch, sequence)) AS distinct FROM conn_events',
    );
    const found = inFiles(files);
    expect(row?.events).toBe(row?.distinct);
    expect([found.length, new Set(found).size]).toEqual([Number(row?.events), Number(row?.events)]);
    // Every sink had it, so nothing is lost; that the spool has not is told.
    expect(collector.said).toMatch(/Segments \d+ to \d+ were removed from the spool by somebody\. Every sink has what they held\./);
    expect(await rowsOf(stage.api, "SELECT detail FROM control_events WHERE kind = 'loss'")).toEqual([]);
    await collector.end();
    await capture.end();
  });
});
