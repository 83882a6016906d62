import { afterEach, describe, expect, it, vi } from 'vitest';
import { askReport, askSql, get, post, Refusal } from '../../../web/api.ts';
import { ZONE } from '../../../web/zone.ts';

afterEach(() => vi.unstubAllGlobals());

/** What was asked, when every request is answered like this. */
function answering(status: number, text: string): [path: string, init: RequestInit][] {
  const asked: [string, RequestInit][] = [];
  vi.stubGlobal('fetch', async (path: string, init: RequestInit) => {
    asked.push([path, init]);
    return new Response(text, { status });
  });
  return asked;
}

describe('an answer of the collector', () => {
  it('is what it sent', async () => {
    const asked = answering(200, '{"n":1}');
    expect(await get('/api/status')).toEqual({ n: 1 });
    expect(asked).toEqual([['/api/status', {}]]);
  });

  it('cannot turn the text of the page', async () => {
    answering(200, JSON.stringify({ cells: [['\u202egnp.exe\x1b', 'two\nlines']] }));
    expect(await get('/api/reports/changes')).toEqual({ cells: [['\\u202egnp.exe\\x1b', 'two\nlines']] });
  });

  it.each([
    [403, '{"message":"This console only shows."}', 'This console only shows.'],
    [502, '<html>Bad gateway</html>', '<html>Bad gateway</html>'],
    [500, '', 'The collector answered 500.'],
    [500, '{"message":""}', 'The collector answered 500.'],
  ])('of status %d is a refusal with its sentence: %s', async (status, text, message) => {
    answering(status, text);
    const refusal = await get('/api/status').catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(Refusal);
    expect(refusal).toMatchObject({ status, message });
  });
});

describe('a change', () => {
  it('is sent as JSON, with the token there is', async () => {
    const asked = answering(200, '{}');
    await post('/api/knobs', { name: 'drop_entry', value: '1' }, 'secret');
    await post('/api/knobs', { name: 'drop_entry', value: '1' }, undefined);
    expect(asked.map(([, { method, body, headers }]) => [method, body, headers])).toEqual([
      ['POST', '{"name":"drop_entry","value":"1"}', { 'content-type': 'application/json', authorization: 'Bearer secret' }],
      ['POST', '{"name":"drop_entry","value":"1"}', { 'content-type': 'application/json' }],
    ]);
  });
});

describe('a query', () => {
  it('is sent as text and answered as a table', async () => {
    const meta = [{ name: 'n', type: 'UInt8' }];
    const asked = answering(200, JSON.stringify({ meta, data: [[1], [2]] }));
    expect(await askSql('SELECT 1')).toEqual({ meta, data: [[1], [2]], rows: 2, cut: false });
    expect(asked[0]).toEqual(['/api/sql', { method: 'POST', body: 'SELECT 1', headers: { 'content-type': 'text/plain' } }]);
  });

  it('says that it was cut', async () => {
    answering(200, JSON.stringify({ meta: [], data: [], rows: 10_000, cut: true }));
    expect(await askSql('SELECT 1')).toMatchObject({ rows: 10_000, cut: true });
  });

  it.each(['1\t2\n', '', '{}', 'null', '[[1]]', '{"meta":[],"data":[{"n":1}]}'])(
    'whose answer is no table is refused: %j',
    async (text) => {
      answering(200, text);
      await expect(askSql('SELECT 1 FORMAT TSV')).rejects.toThrow(
        'The answer is no table that can be shown here: leave FORMAT out of the query.',
      );
    },
  );

  it('that the collector refuses is refused in its words', async () => {
    answering(400, '{"message":"Only SELECT is allowed here."}');
    await expect(askSql('DROP')).rejects.toThrow('Only SELECT is allowed here.');
  });
});

describe('a report', () => {
  it('is asked with what was said', async () => {
    const asked = answering(200, '{"cells":[]}');
    await askReport('who', { rs: '[2001:db8::1]:80', since: '1h' });
    expect(asked[0]?.[0]).toBe(`/api/reports/who?rs=%5B2001%3Adb8%3A%3A1%5D%3A80&since=1h&zone=${encodeURIComponent(ZONE)}`);
  });
});
