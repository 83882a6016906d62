import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { freeze } from '../freeze.js';
import { COMMAND_MS, until, WAIT_MS } from '../patience.js';
import { freePorts } from '../ports.js';
import { keepLogOf } from '../process-logs.js';
import { type Certificates, makeCertificates } from './certificates.js';
import { type KafkaPart, kafkaPart } from './versions.js';

export interface KafkaBrokerOptions {
  /** Default: the newest. */
  readonly version?: Exclude<KafkaPart, 'tools'>;
  /** Listeners with TLS and SASL beside the plain one. */
  readonly secure?: boolean;
  /** Lines of server.properties, beside ours. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Compile what runs long, for benchmarks; without it the broker is up sooner. */
  readonly fast?: boolean;
}

/** `HOST:PORT` of each listener. */
export interface SecureListeners {
  /** TLS. */
  readonly tls: string;
  /** TLS; the client shows a certificate, too. */
  readonly mutual: string;
  /** TLS, with a certificate that has expired. */
  readonly expired: string;
  /** SASL over TLS: plain, scram-sha-256, scram-sha-512 and oauthbearer (unsigned tokens); user `vslog`, password `secret`. */
  readonly sasl: string;
}

/** A real Apache Kafka, broker and controller in one process. It keeps its ports and its data while it is killed and started again. */
export class KafkaBroker {
  /** `HOST:PORT` of the plain listener. */
  readonly brokers: string;
  /** Version of Apache Kafka. */
  readonly version: string;
  private readonly options: KafkaBrokerOptions;
  private readonly libs: string;
  private readonly dir = mkdtempSync(join(tmpdir(), 'vslog-kafka-'));
  private readonly ports: readonly number[];
  private child: ChildProcess | undefined;
  private made: Certificates | undefined;
  private formatted = false;

  private constructor(options: KafkaBrokerOptions, ports: readonly number[]) {
    this.options = options;
    this.ports = ports;
    ({ version: this.version, libs: this.libs } = kafkaPart(options.version ?? 'newest'));
    if (!existsSync(this.libs)) throw new Error(`${this.libs} is missing: run "npm run setup -- --tests".`);
    this.brokers = this.at(0);
  }

  /** Not started. */
  static async make(options: KafkaBrokerOptions = {}): Promise<KafkaBroker> {
    return new KafkaBroker(options, await freePorts(6));
  }

  /** Only with `secure`. */
  get secure(): SecureListeners {
    return { tls: this.at(2), mutual: this.at(3), expired: this.at(4), sasl: this.at(5) };
  }

  /** Only with `secure`. */
  get certificates(): Certificates {
    if (this.made === undefined) throw new Error('This broker has no TLS.');
    return this.made;
  }

  /** The broker's process; undefined while there is none. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Starts it, for the first time or after kill(). Resolves when it can be asked. */
  async start(): Promise<this> {
    if (this.child !== undefined) throw new Error('The broker runs already.');
    this.format();
    const log = openSync(join(this.dir, 'log'), 'a');
    this.child = spawn('java', [...this.java(), 'kafka.Kafka', join(this.dir, 'server.properties')], {
      cwd: this.dir,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    keepLogOf(`Kafka ${this.version}`, () => this.complaint());
    await this.ready(this.child);
    return this;
  }

  /** kill -9. */
  async kill(): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGKILL');
    await gone;
  }

  /** SIGSTOP: its connections stay open and nobody answers. */
  freeze(): Promise<void> {
    return freeze(this.child?.pid);
  }

  thaw(): void {
    this.child?.kill('SIGCONT');
  }

  /** Ends it and removes its data. */
  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** What it said last, for a test that failed. */
  complaint(): string {
    const path = join(this.dir, 'log');
    return existsSync(path) ? readFileSync(path, 'utf8').slice(-4000) : 'it left no log';
  }

  private at(port: number): string {
    return `127.0.0.1:${this.ports[port]}`;
  }

  private java(): string[] {
    const quick = this.options.fast === true ? [] : ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];
    const log = ['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-Dorg.slf4j.simpleLogger.showDateTime=true'];
    return ['-Xms128m', '-Xmx512m', '-Xshare:auto', ...quick, ...log, '-cp', `${this.libs}/*`];
  }

  private format(): void {
    if (this.formatted) return;
    const { dir } = this;
    mkdirSync(join(dir, 'data'), { recursive: true });
    if (this.options.secure === true) this.made = makeCertificates(dir);
    const config = join(dir, 'server.properties');
    const lines = Object.entries({ ...this.properties(), ...this.options.properties }).map(([name, value]) => `${name}=${value}\n`);
    writeFileSync(config, lines.join(''));
    const users = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((kind) => ['--add-scram', `${kind}=[name=vslog,password=secret]`]);
    const args = ['kafka.tools.StorageTool', 'format', '--standalone', '--cluster-id', 'vslogvslogvslogvslogvw', '--config', config];
    const { status, stdout, stderr } = spawnSync('java', [...this.java(), ...args, ...users], { encoding: 'utf8', timeout: COMMAND_MS });
    if (status !== 0) throw new Error(`Kafka's storage could not be formatted: ${stdout}${stderr}`);
    this.formatted = true;
  }

  private properties(): Record<string, string> {
    const controller = `127.0.0.1:${this.ports[1]}`;
    const plain = {
      'process.roles': 'broker,controller',
      'node.id': '1',
      'controller.quorum.bootstrap.servers': controller,
      'controller.listener.names': 'CONTROLLER',
      'inter.broker.listener.name': 'PLAIN',
      'log.dirs': join(this.dir, 'data'),
      'offsets.topic.replication.factor': '1',
      'offsets.topic.num.partitions': '1',
      'transaction.state.log.replication.factor': '1',
      'transaction.state.log.min.isr': '1',
      'transaction.state.log.num.partitions': '1',
      'share.coordinator.state.topic.replication.factor': '1',
      'share.coordinator.state.topic.min.isr': '1',
      'group.initial.rebalance.delay.ms': '0',
      'auto.create.topics.enable': 'false',
      // A broker that was killed is taken for alive until this is over.
      'broker.session.timeout.ms': '3000',
      'broker.heartbeat.interval.ms': '500',
      'log.cleaner.dedupe.buffer.size': '4194304',
      'num.recovery.threads.per.data.dir': '1',
    };
    const listeners = [`PLAIN://${this.at(0)}`, `CONTROLLER://${controller}`];
    const protocols = ['PLAIN:PLAINTEXT', 'CONTROLLER:PLAINTEXT'];
    if (this.made === undefined) return { ...plain, listeners: listeners.join(), 'listener.security.protocol.map': protocols.join() };
    const { secure, made } = this;
    const more: Record<string, string> = {};
    const add = (name: string, at: string, protocol: string, pem: string): void => {
      listeners.push(`${name}://${at}`);
      protocols.push(`${name}:${protocol}`);
      const of = `listener.name.${name.toLowerCase()}.`;
      more[`${of}ssl.keystore.type`] = 'PEM';
      more[`${of}ssl.keystore.location`] = pem;
    };
    add('TLS', secure.tls, 'SSL', made.server);
    add('MUTUAL', secure.mutual, 'SSL', made.server);
    add('EXPIRED', secure.expired, 'SSL', made.expired);
    add('SASL', secure.sasl, 'SASL_SSL', made.server);
    Object.assign(more, {
      'listener.name.mutual.ssl.truststore.type': 'PEM',
      'listener.name.mutual.ssl.truststore.location': made.ca,
      'listener.name.mutual.ssl.client.auth': 'required',
      'listener.name.sasl.sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
      'listener.name.sasl.plain.sasl.jaas.config': 'org.apache.kafka.common.security.plain.PlainLoginModule required user_vslog="secret";',
      'listener.name.sasl.scram-sha-256.sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
      'listener.name.sasl.scram-sha-512.sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
      'listener.name.sasl.oauthbearer.sasl.jaas.config':
        'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";',
    });
    return { ...plain, ...more, listeners: listeners.join(), 'listener.security.protocol.map': protocols.join() };
  }

  /** A topic's partition with a leader can only be had once the broker is let in by its controller. */
  private async ready(child: ChildProcess): Promise<void> {
    const { Kafka, logLevel } = kafkajs;
    const kafka = new Kafka({
      brokers: [this.brokers],
      logLevel: logLevel.NOTHING,
      connectionTimeout: WAIT_MS,
      requestTimeout: WAIT_MS,
      retry: { retries: 0 },
    });
    const answers = async (): Promise<boolean> => {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`Kafka ${this.version} ended: ${this.complaint()}`);
      const admin = kafka.admin();
      try {
        await admin.connect();
        return (await admin.describeCluster()).brokers.length > 0;
      } catch {
        return false; // not yet
      } finally {
        await admin.disconnect().catch(() => undefined);
      }
    };
    await until(`an answer of Kafka ${this.version}`, answers, { everyMs: 100, detail: () => this.complaint() });
  }
}
