import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DOWNLOADS } from '../downloads.js';
import { freeze } from '../freeze.js';
import { until } from '../patience.js';
import { freePort } from '../ports.js';
import { keepLogOf } from '../process-logs.js';

const PROGRAM = join(DOWNLOADS, 'clickhouse-server/usr/sbin/clickhouse-server');

/**
 * Debian's own clickhouse-server, 18.16: too old for our tables, but a real server on a real network. It keeps its port and its data while it is killed and started again.
 * User `vslog` has the password `secret`, user `reader` may only read.
 */
export class DebianServer {
  readonly url: string;
  private readonly port: number;
  private readonly dir = mkdtempSync(join(tmpdir(), 'vslog-clickhouse-debian-'));
  private child: ChildProcess | undefined;

  private constructor(port: number) {
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Not started. */
  static async make(): Promise<DebianServer> {
    if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is missing: run "npm run setup -- --tests".`);
    return new DebianServer(await freePort());
  }

  /** Resolves when it can be asked. */
  async start(): Promise<this> {
    const { dir, port } = this;
    for (const name of ['data', 'tmp', 'files', 'schemas']) mkdirSync(join(dir, name), { recursive: true });
    writeFileSync(
      join(dir, 'config.xml'),
      `<yandex><logger><level>warning</level><log>${dir}/log</log><errorlog>${dir}/error.log</errorlog></logger><http_port>${port}</http_port><listen_host>127.0.0.1</listen_host><path>${dir}/data/</path><tmp_path>${dir}/tmp/</tmp_path><user_files_path>${dir}/files/</user_files_path><format_schema_path>${dir}/schemas/</format_schema_path><mark_cache_size>100000000</mark_cache_size><keep_alive_timeout>10</keep_alive_timeout><users_config>users.xml</users_config><default_profile>default</default_profile><default_database>default</default_database></yandex>`,
    );
    const networks = '<networks><ip>127.0.0.1</ip></networks><quota>default</quota>';
    writeFileSync(
      join(dir, 'users.xml'),
      `<yandex><profiles><default/><readonly><readonly>1</readonly></readonly></profiles><users><default><password>none</password>${networks}<profile>default</profile></default><vslog><password>secret</password>${networks}<profile>default</profile></vslog><reader><password>secret</password>${networks}<profile>readonly</profile></reader></users><quotas><default/></quotas></yandex>`,
    );
    const child = spawn(PROGRAM, [`--config-file=${join(dir, 'config.xml')}`], { cwd: dir, stdio: 'ignore' });
    this.child = child;
    keepLogOf("Debian's clickhouse-server", () => this.complaint());
    const answers = (): Promise<boolean> => {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`clickhouse-server ended: ${this.complaint()}`);
      return this.answers();
    };
    await until('an answer of clickhouse-server', answers, { detail: () => this.complaint() });
    return this;
  }

  /** kill -9. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  freeze(): Promise<void> {
    return freeze(this.child?.pid);
  }

  thaw(): void {
    this.child?.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    this.thaw();
    await this.end('SIGKILL');
    rmSync(this.dir, { recursive: true, force: true });
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    await gone;
  }

  private answers(): Promise<boolean> {
    return fetch(this.url).then(
      ({ ok }) => ok,
      () => false,
    );
  }

  private complaint(): string {
    const path = join(this.dir, 'error.log');
    return existsSync(path) ? readFileSync(path, 'utf8').slice(-2000) : 'it left no log';
  }
}
