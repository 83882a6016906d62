import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { loadConfig } from '../../src/config/load.js';
import { envName, keys } from '../../src/config/schema.js';
import { lines, ROOT, tool, validateObjects } from '../support/deploy/tools.js';

const RELEASES = ['1.31', '1.34', '1.36'];
const KNOWN = new Set([...keys.map(envName), 'VSLOG_CONFIG']);

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vslog-deploy-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** What vslog makes of an environment, from nothing else. */
function configured(env: Readonly<Record<string, string>>, file = ''): void {
  const path = join(dir, 'vslog.toml');
  writeFileSync(path, file);
  const ours = Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith('VSLOG_')));
  for (const name of Object.keys(ours)) expect(KNOWN, `${name} is no option of vslog`).toContain(name);
  loadConfig({ flags: {}, file: path, machine: { root: false, uid: 990, home: '/', env: { ...ours, VSLOG_CONFIG: path } } });
}

interface Service {
  readonly image?: string;
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly user?: string;
  readonly cap_add?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly pid?: string;
  readonly privileged?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, unknown>>;
  readonly ports?: readonly { readonly host_ip?: string }[];
}

describe('the compose file', () => {
  it('is one for docker compose, and speaks of options that there are', () => {
    const [project] = lines<{ services: Record<string, Service>; volumes: object; networks: object }>(
      tool('deploy-check', 'compose', 'deploy/compose/compose.yaml'),
    );
    const services = project?.services ?? {};
    expect(Object.keys(services).sort()).toEqual(['capture', 'clickhouse', 'collector', 'grafana', 'kafka', 'prometheus', 'topics']);
    const ours: string[] = [];
    for (const [name, service] of Object.entries(services)) {
      expect(service.image, name).toMatch(/:[\w.-]+$/);
      for (const port of service.ports ?? []) expect(port.host_ip, name).toBe('127.0.0.1');
      if (service.image?.startsWith('vslog:') !== true) continue;
      ours.push(name);
      configured(service.environment ?? {});
      expect(service.cap_drop, name).toEqual(['ALL']);
      // With Docker's own profiles: nothing here is unconfined.
      expect([service.security_opt, service.privileged], name).toEqual([['no-new-privileges:true'], undefined]);
      // Nobody sees the host's processes.
      expect(service.pid, name).toBeUndefined();
      if (name === 'capture') expect(service.entrypoint).toEqual(['vslog-capture', '--env']);
      if (name !== 'capture') expect([service.user, service.cap_add], name).toEqual(['990:990', undefined]);
    }
    expect(ours.sort()).toEqual(['capture', 'collector', 'topics']);
    expect(Object.values(services).filter(({ ports = [] }) => ports.length > 0).length).toBeGreaterThan(0);
  });

  it('would be refused if it were none', () => {
    const path = join(dir, 'compose.yaml');
    const text = readFileSync(join(ROOT, 'deploy/compose/compose.yaml'), 'utf8');
    for (const [from, to] of [
      ['restart: always', 'restrat: always'],
      ['networks: [events]', 'networks: [nowhere]'],
    ] as const) {
      writeFileSync(path, text.replace(from, to));
      const { code, err } = tool('deploy-check', 'compose', path);
      expect(code).toBe(1);
      expect(err).toMatch(/restrat|nowhere/);
    }
  });
});

describe('the image', () => {
  it('is built by a Dockerfile that a builder can read, from files that there are', () => {
    const [stages = []] = lines<{ name: string; base: string; commands: string[] }[]>(
      tool('deploy-check', 'dockerfile', 'deploy/image/Dockerfile'),
    );
    expect(stages.map(({ base }) => base)).toEqual(['node:20-bookworm', 'node:20-bookworm-slim']);
    const copied = stages[1]?.commands.filter((command) => command.startsWith('COPY --from=build')) ?? [];
    // What npm would publish must be in the image, and the capture.
    const { files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { files: string[] };
    for (const path of [...files, 'package.json', 'node_modules', 'build/native/vslog-capture'])
      expect(copied.some((command) => command.includes(`/src/${path} `))).toBe(true);
    const text = readFileSync(join(ROOT, 'deploy/image/Dockerfile'), 'utf8').replace('WORKDIR', 'WORKDRI');
    writeFileSync(join(dir, 'Dockerfile'), text);
    expect(tool('deploy-check', 'dockerfile', join(dir, 'Dockerfile')).code).toBe(1);
  });
});

interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly securityContext?: {
    readonly runAsUser?: number;
    readonly capabilities?: { readonly add?: readonly string[] };
    readonly privileged?: boolean;
    readonly seccompProfile?: object;
    readonly appArmorProfile?: object;
  };
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

interface Workload {
  readonly kind: string;
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly selector?: object;
    readonly template: {
      readonly spec: {
        readonly containers: readonly Container[];
        readonly volumes: readonly { readonly name: string }[];
        readonly hostPID?: boolean;
        readonly securityContext?: { readonly seccompProfile?: { readonly type: string } };
      };
    };
  };
}

describe('the Kubernetes objects', () => {
  const OVERLAYS = ['base', 'overlays/kafka', 'overlays/clickhouse'];
  const built = (path: string): string => {
    const { code, out, err } = tool('kustomize', 'build', `deploy/k8s/${path}`);
    expect({ code, err }).toMatchObject({ code: 0 });
    return out;
  };

  // All in one: to read the schemas of a release takes longest.
  it.each(RELEASES)('are ones to Kubernetes %s', (release) => {
    expect(lines(validateObjects(release, OVERLAYS.map(built).join('\n---\n')))).toHaveLength(4 * OVERLAYS.length);
  });

  it.each(OVERLAYS)('of %s are built by kustomize, and speak of options that there are', (path) => {
    const objects = parseAllDocuments(built(path)).map((document) => document.toJS() as Workload);
    expect(objects.map(({ kind }) => kind).sort()).toEqual(['ConfigMap', 'DaemonSet', 'Namespace', 'ServiceAccount']);
    const toml = objects.find(({ kind }) => kind === 'ConfigMap')?.data?.['vslog.toml'] ?? '';
    expect(toml).toContain('[capture]');
    const pod = objects.find(({ kind }) => kind === 'DaemonSet')?.spec?.template.spec;
    expect(pod?.containers.map(({ name }) => name).sort()).toEqual(['capture', 'collector']);
    expect([pod?.securityContext?.seccompProfile, pod?.hostPID]).toEqual([{ type: 'RuntimeDefault' }, undefined]);
    const volumes = new Set(pod?.volumes.map(({ name }) => name));
    for (const { name, image, command, env = [], securityContext, volumeMounts = [] } of pod?.containers ?? []) {
      expect(image).toMatch(/^vslog:\d/);
      configured(Object.fromEntries(env.map((one) => [one.name, one.value ?? 'node-1'])), toml);
      expect(volumeMounts.length, name).toBeGreaterThan(0);
      // Nothing takes back what the pod has.
      const { privileged, seccompProfile, appArmorProfile } = securityContext ?? {};
      expect([privileged, seccompProfile, appArmorProfile], name).toEqual([undefined, undefined, undefined]);
      for (const mount of volumeMounts) expect(volumes).toContain(mount.name);
      if (name === 'capture') expect(command?.[0]).toBe('vslog-capture');
      if (name === 'collector') expect([securityContext?.runAsUser, securityContext?.capabilities?.add]).toEqual([990, undefined]);
    }
  });

  it('would be refused if they were none', () => {
    const out = built('base');
    const misspelt = validateObjects('1.34', out.replace('hostNetwork: true', 'hostNetwrok: true'));
    expect(misspelt.code).toBe(1);
    expect(misspelt.err).toContain('hostNetwrok');
    expect(validateObjects('1.34', out.replace('periodSeconds: 20', 'periodSeconds: often')).code).toBe(1);
  });
});
