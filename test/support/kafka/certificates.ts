import { spawnSync } from 'node:child_process';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { COMMAND_MS } from '../patience.js';

/** PEM files of a certificate authority made for one test. */
export interface Certificates {
  /** The authority's own certificate: what a client trusts. */
  readonly ca: string;
  /** An authority that signed nothing. */
  readonly otherCa: string;
  /** Key and certificate of the server, for localhost and 127.0.0.1, in one file. */
  readonly server: string;
  /** The same, expired a day ago. */
  readonly expired: string;
  readonly clientCert: string;
  readonly clientKey: string;
}

function openssl(cwd: string, ...args: string[]): void {
  const { status, stderr } = spawnSync('openssl', args, { cwd, encoding: 'utf8', timeout: COMMAND_MS });
  if (status !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr}`);
}

/** openssl's way to write a time. */
function stamp(days: number): string {
  return `${new Date(Date.now() + days * 86_400_000).toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`;
}

/** Makes them all in `dir`. */
export function makeCertificates(dir: string): Certificates {
  writeFileSync(join(dir, 'index.txt'), '');
  writeFileSync(join(dir, 'index.txt.attr'), 'unique_subject = no\n');
  writeFileSync(join(dir, 'serial'), '1000\n');
  writeFileSync(
    join(dir, 'ca.cnf'),
    '[ca]\ndefault_ca=own\n[own]\ndir=.\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=any\nx509_extensions=names\n[any]\ncommonName=supplied\n[names]\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n',
  );
  const root = (name: string): void =>
    openssl(
      dir,
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      `/CN=${name}`,
      '-days',
      '30',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
    );
  root('ca');
  root('other-ca');
  const signed = (name: string, from: number, to: number): void => {
    openssl(dir, 'req', '-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
    const by = [
      '-config',
      'ca.cnf',
      '-batch',
      '-notext',
      '-cert',
      'ca.pem',
      '-keyfile',
      'ca.key',
      '-in',
      `${name}.csr`,
      '-out',
      `${name}.pem`,
    ];
    openssl(dir, 'ca', ...by, '-startdate', stamp(from), '-enddate', stamp(to));
    writeFileSync(join(dir, `${name}-both.pem`), readFileSync(join(dir, `${name}.key`)), { mode: 0o600 });
    appendFileSync(join(dir, `${name}-both.pem`), readFileSync(join(dir, `${name}.pem`)));
  };
  signed('server', -1, 30);
  signed('expired', -3, -1);
  signed('client', -1, 30);
  return {
    ca: join(dir, 'ca.pem'),
    otherCa: join(dir, 'other-ca.pem'),
    server: join(dir, 'server-both.pem'),
    expired: join(dir, 'expired-both.pem'),
    clientCert: join(dir, 'client.pem'),
    clientKey: join(dir, 'client.key'),
  };
}
