import { chmodSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { prepareReaderToken } from '../../../src/access/reader-token.js';
import { HttpSql, httpSql } from '../../../src/cli/sql-http.js';
import { loadConfig } from '../../../src/config/load.js';
import { closeHttp, listenTcp } from '../../../src/listen/http.js';
import { withDirectory } from '../support/temporary.js';

const servers: ReturnType<typeof createServer>[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await closeHttp(server);
});

/** A server that answers everything so; what it was asked. */
async function serve(status: number, text: string): Promise<{ url: URL; asked: { request: IncomingMessage; body: string }[] }> {
  const asked: { request: IncomingMessage; body: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => {
      asked.push({ request, body });
      response.writeHead(status).end(text);
    });
  });
  servers.push(server);
  return { url: new URL(`http://127.0.0.1:${await listenTcp(server, 0, '127.0.0.1')}`), asked };
}

const values = (flags: Readonly<Record<string, string>> = {}) =>
  loadConfig({ file: undefined, machine: { root: true, uid: 0, home: '/root', env: {} }, flags }).values;

describe('a query by HTTP', () => {
  it('is the body of a request, with its format, its limits and the token in a header', async () => {
    const { url, asked } = await serve(200, '1\n');
    const answer = await new HttpSql(url, 'a token').sql('SELECT 1', 'TSV', { seconds: 5, memory: 1000, rows: 7 });
    expect(answer.toString()).toBe('1\n');
    expect(asked[0]?.body).toBe('SELECT 1');
    expect(asked[0]?.request.method).toBe('POST');
    expect(asked[0]?.request.headers).toMatchObject({ 'x-clickhouse-user': 'default', 'x-clickhouse-key': 'a token' });
    expect(asked[0]?.request.url).toBe('/?default_format=TSV&max_execution_time=5&max_memory_usage=1000&max_result_rows=7');
  });

  it('that is refused is told in a sentence', async () => {
    const wrong = await serve(404, 'Code: 60. DB::Exception: Unknown table x. (UNKNOWN_TABLE) (version 26.7 (vslog))\n');
    await expect(new HttpSql(wrong.url, 't').sql('SELECT', 'TSV')).rejects.toMatchObject({
      status: 404,
      message: 'Unknown table x (ClickHouse 60, UNKNOWN_TABLE).',
    });
    const page = await serve(403, 'Requests of web pages from elsewhere are refused.\n');
    await expect(new HttpSql(page.url, 't').sql('SELECT', 'TSV')).rejects.toThrow(
      `${page.url.origin} answered 403: Requests of web pages from elsewhere are refused.`,
    );
  });

  it('that nobody answers is told in a sentence', async () => {
    const { url } = await serve(200, '');
    await closeHttp(servers.splice(0)[0] ?? createServer());
    await expect(new HttpSql(url, 't').sql('SELECT', 'TSV')).rejects.toThrow(`${url.origin} cannot be asked: nobody listens there.`);
  });
});

describe('who is asked', () => {
  it('is the listener of the configuration, with the token of the data directory', () =>
    withDirectory(async (dir) => {
      const { token } = prepareReaderToken(dir);
      const { url, asked } = await serve(200, '');
      await httpSql(values({ 'clickhouse_http.listen': url.host, 'collector.data_dir': dir }), true, undefined).sql('SELECT 1', 'TSV');
      await httpSql(values({ 'collector.data_dir': dir }), url.origin, undefined).sql('SELECT 1', 'TSV');
      expect(asked.map(({ request }) => request.headers['x-clickhouse-key'])).toEqual([token, token]);
    }));

  it('elsewhere gets a token that is named for it, and never that of this machine', () =>
    withDirectory(async (dir) => {
      prepareReaderToken(dir);
      const own = values({ 'collector.data_dir': dir });
      expect(() => httpSql(own, 'http://lb2.example:8123', undefined)).toThrow(
        'lb2.example:8123 is not this machine: name the file of its token by --token-file FILE.',
      );
      const file = join(dir, 'lb2.token');
      writeFileSync(file, 'the token of lb2\n', { mode: 0o600 });
      expect(httpSql(own, 'http://lb2.example:8123', file)).toBeInstanceOf(HttpSql);
      chmodSync(file, 0o644);
      expect(() => httpSql(own, 'http://lb2.example:8123', file)).toThrow(
        `--token-file names ${file}, which everybody on this machine may read: "chmod 640 ${file}".`,
      );
      writeFileSync(join(dir, 'empty'), '\n', { mode: 0o600 });
      expect(() => httpSql(own, 'http://lb2.example:8123', join(dir, 'empty'))).toThrow(/is empty: put the token there\.$/);
    }));

  it.each(['ftp://localhost', 'http://me:secret@localhost', 'http://localhost/?a=b', 'localhost:8123', 'nonsense'])('is not %s', (http) => {
    expect(() => httpSql(values(), http, undefined)).toThrow(/^--http is ".*": it must be like http:\/\/127\.0\.0\.1:8123\.$/);
  });

  it('is nobody where nothing listens', () => {
    expect(() => httpSql(values({ 'clickhouse_http.listen': '' }), true, undefined)).toThrow(/name the address by --http URL\.$/);
  });
});
