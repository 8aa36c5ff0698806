import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { loadConfig, parseConfig } from '../../src/config/index.ts';
import { Program, run, temporaryFolder } from '../support/programs.ts';
import { REPOSITORY } from '../support/server-process.ts';

const PACKAGING = join(REPOSITORY, 'packaging');
const LINT = join(PACKAGING, 'lint/lint.mjs');
const DOCKERFILE = join(PACKAGING, 'docker/Dockerfile');
const COMPOSE = join(PACKAGING, 'docker/docker-compose.yml');
const MANIFESTS = ['configmap.yaml', 'deployment.yaml', 'service.yaml'].map((name) =>
  join(PACKAGING, 'kubernetes', name),
);

/** What these tests look at in a YAML file. */
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec: ServiceSpec & DeploymentSpec;
}
interface Port {
  readonly name: string;
  readonly containerPort: number;
  readonly targetPort: string;
}
interface ServiceSpec {
  readonly selector: Readonly<Record<string, string>> & {
    readonly matchLabels: Readonly<Record<string, string>>;
  };
  readonly ports: readonly Port[];
}
interface DeploymentSpec {
  readonly replicas: number;
  readonly template: {
    readonly metadata: { readonly labels: Readonly<Record<string, string>> };
    readonly spec: {
      readonly enableServiceLinks: boolean;
      readonly terminationGracePeriodSeconds: number;
      readonly securityContext: { readonly runAsNonRoot: boolean; readonly runAsUser: number };
      readonly containers: readonly Container[];
      readonly volumes: readonly { readonly name: string; readonly configMap?: { readonly name: string } }[];
    };
  };
}
interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}
interface Container {
  readonly command: readonly string[];
  readonly ports: readonly Port[];
  readonly startupProbe: Probe;
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
  readonly securityContext: { readonly readOnlyRootFilesystem: boolean };
  readonly volumeMounts: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly subPath?: string;
  }[];
}
interface Compose {
  readonly services: {
    readonly srs: {
      readonly build: { readonly context: string; readonly dockerfile: string };
      readonly command: readonly string[];
      readonly ports: readonly string[];
      readonly volumes: readonly string[];
      readonly environment: Readonly<Record<string, string>>;
      readonly ulimits: { readonly nofile: { readonly soft: number } };
      readonly stop_signal: string;
      readonly stop_grace_period: string;
      readonly healthcheck: { readonly test: readonly string[] };
    };
  };
}

async function readYaml<T>(...files: readonly string[]): Promise<T[]> {
  const { stdout } = await run(process.execPath, [LINT, 'yaml', ...files]);
  return JSON.parse(stdout) as T[];
}

const lint = (...args: readonly string[]): Promise<{ code: number | undefined; stderr: string }> =>
  new Program(process.execPath, [LINT, ...args]).ended;

suite('packaging/docker', () => {
  const folder = temporaryFolder();
  const text = readFileSync(DOCKERFILE, 'utf8');

  test('the linter has nothing to say, and would if there were something', async () => {
    const { code, stderr } = await lint('dockerfile', DOCKERFILE);
    assert.equal(stderr, '');
    assert.equal(code, 0);
    const wrong = join(folder, 'Dockerfile');
    writeFileSync(wrong, text.replace('EXPOSE 1935', 'EXPOSE port'));
    assert.match((await lint('dockerfile', wrong)).stderr, /Dockerfile:\d+: /);
  });

  test('the image does not run as root, ends gracefully and says how it is', () => {
    assert.match(text, /^USER 1000:1000$/m);
    assert.match(text, /^STOPSIGNAL SIGQUIT$/m);
    assert.match(text, /^HEALTHCHECK /m);
    const { config } = loadConfig(join(REPOSITORY, 'conf/docker.conf'));
    assert.equal(config.daemon, false);
    assert.equal(config.srsLogTank, 'console');
    const exposed = /^EXPOSE (.+)$/m.exec(text)?.[1]?.split(' ').map(Number) ?? [];
    const ports = [
      ...config.listen.map(({ port }) => port),
      config.httpApi.listen.port,
      config.httpServer.listen.port,
    ];
    assert.deepEqual(exposed.sort(), ports.sort());
    assert.ok(
      text.includes(`127.0.0.1:${config.httpApi.listen.port}/api/v1/health`),
      'the health check asks the API',
    );
  });

  test('the build sees each file that it copies, and no secret or waste', () => {
    const ignore = readFileSync(`${DOCKERFILE}.dockerignore`, 'utf8').split('\n');
    assert.equal(
      ignore.find((line) => line !== '' && !line.startsWith('#')),
      '*',
      'nothing, unless it is listed',
    );
    const seen = ignore.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    for (const name of seen) assert.ok(statSync(join(REPOSITORY, name)), name);
    const copied = Array.from(text.matchAll(/^COPY (?!--from)(.+) \S+$/gm), ([, names = '']) =>
      names.split(' '),
    ).flat();
    for (const name of copied) assert.ok(name === '.' || seen.includes(name), name);
    assert.ok(!seen.includes('node_modules') && !seen.includes('.git'));
  });

  test('docker-compose.yml agrees with the image and its configuration', async () => {
    const [compose] = await readYaml<Compose>(COMPOSE);
    assert.ok(compose);
    const { srs } = compose.services;
    const context = join(PACKAGING, 'docker', srs.build.context);
    assert.equal(join(context, srs.build.dockerfile), DOCKERFILE);
    const mounted = srs.volumes[0]?.split(':') ?? [];
    const conf = srs.command[2] ?? '';
    assert.ok(conf.startsWith(`${mounted[1]}/`), 'it runs a mounted file');
    const file = join(PACKAGING, 'docker', mounted[0] ?? '', conf.slice((mounted[1] ?? '').length));
    const { config } = loadConfig(file);
    const published = srs.ports.map((entry) => Number(entry.split(':').at(-1)));
    const ports = [
      ...config.listen.map(({ port }) => port),
      config.httpServer.listen.port,
      config.httpApi.listen.port,
    ];
    assert.deepEqual(published.sort(), ports.sort());
    assert.ok(srs.ports.includes(`127.0.0.1:${config.httpApi.listen.port}:${config.httpApi.listen.port}`));
    assert.ok(srs.ulimits.nofile.soft > Number(srs.environment['SRS_MAX_CONNECTIONS']) + 100);
    assert.equal(srs.stop_signal, 'SIGQUIT');
    const grace = Number(srs.stop_grace_period.replace(/s$/, ''));
    const drain = Number(srs.environment['SRS_GRACE_DRAIN_TIMEOUT']?.replace(/s$/, ''));
    const END_MS = 2000;
    assert.ok(drain > 0 && config.graceDrainTimeoutMs > 0);
    const waits = config.graceStartWaitMs + config.graceFinalWaitMs;
    assert.ok(grace * 1000 > waits + drain * 1000 + END_MS, 'compose: SIGKILL would come during the drain');
    const DOCKER_STOP_MS = 10_000;
    assert.ok(
      waits + config.graceDrainTimeoutMs + END_MS < DOCKER_STOP_MS,
      'SIGKILL would come during the drain',
    );
    const inImage = /^ +CMD (\[.*\])$/m.exec(text)?.[1] ?? '[]';
    assert.deepEqual(srs.healthcheck.test, ['CMD', ...(JSON.parse(inImage) as string[])]);
  });
});

suite('packaging/kubernetes', () => {
  const folder = temporaryFolder();
  const all = (): Promise<Manifest[]> => readYaml<Manifest>(...MANIFESTS);
  const deployment = async (): Promise<Manifest> => {
    const found = (await all()).find(({ kind }) => kind === 'Deployment');
    assert.ok(found);
    return found;
  };

  test('the manifests follow the schema of Kubernetes, and a wrong one would be found', async () => {
    const { code, stderr } = await lint('kubernetes', ...MANIFESTS);
    assert.equal(stderr, '');
    assert.equal(code, 0);
    const wrong = join(folder, 'wrong.yaml');
    const good = readFileSync(MANIFESTS[1] ?? '', 'utf8');
    for (const [from, to, told] of [
      ['replicas: 1', 'replicas: one', /replicas must be integer/],
      ['failureThreshold: 30', 'failureThreshhold: 30', /failureThreshhold is not a name/],
      ['  selector:', '  chooser:', /required property 'selector'|chooser/],
      ['memory: 1Gi', 'memory: 1Gigabyte', /memory must/],
      ['kind: Deployment', 'kind: Deploymint', /not a kind/],
      ['replicas: 1', 'replicas: 1\n  replicas: 2', /unique/],
    ] as const) {
      writeFileSync(wrong, good.replace(from, to));
      const end = await lint('kubernetes', wrong);
      assert.equal(end.code, 1, to);
      assert.match(end.stderr, told);
    }
  });

  test('every manifest is in the kustomization', async () => {
    const [list] = await readYaml<{ resources: string[] }>(join(PACKAGING, 'kubernetes/kustomization.yaml'));
    const files = readdirSync(join(PACKAGING, 'kubernetes')).filter((name) => name.endsWith('.yaml'));
    assert.deepEqual([...(list?.resources ?? []), 'kustomization.yaml'].sort(), files.sort());
  });

  test('the configuration in the ConfigMap is one that the server takes, on the ports that the pod has', async () => {
    const manifests = await all();
    const [map] = manifests.filter(({ kind }) => kind === 'ConfigMap');
    const { config, warnings } = parseConfig(map?.data?.['srs.conf'] ?? '', 'configmap.yaml');
    assert.deepEqual(warnings, []);
    assert.equal(config.forceGraceQuit, true, 'Kubernetes sends SIGTERM');
    const { spec } = (await deployment()).spec.template;
    const [container] = spec.containers;
    assert.ok(container);
    const ports = new Map(container.ports.map(({ name, containerPort }) => [name, containerPort]));
    assert.deepEqual(Object.fromEntries(ports), {
      rtmp: config.listen[0]?.port,
      http: config.httpServer.listen.port,
      api: config.httpApi.listen.port,
    });
    assert.ok(config.graceDrainTimeoutMs > 10_000, 'clients have some time of their own to leave');
    assert.ok(
      spec.terminationGracePeriodSeconds * 1000 >=
        config.graceStartWaitMs + config.graceDrainTimeoutMs + config.graceFinalWaitMs + 2000,
      'SIGKILL would come during the drain',
    );
    const { startupProbe, readinessProbe, livenessProbe } = container;
    assert.deepEqual(startupProbe.httpGet, { path: '/api/v1/health', port: 'api' });
    assert.deepEqual(readinessProbe.httpGet, { path: '/api/v1/health/ready', port: 'api' });
    // A server that lets its clients leave is not ready, and not to be killed.
    assert.deepEqual(livenessProbe.httpGet, { path: '/api/v1/health/live', port: 'api' });
    for (const service of manifests.filter(({ kind }) => kind === 'Service')) {
      for (const { targetPort } of service.spec.ports) assert.ok(ports.has(targetPort), targetPort);
    }
  });

  test('a changed ConfigMap reaches the server: a folder is mounted, not a file', async () => {
    const { spec } = (await deployment()).spec.template;
    const [container] = spec.containers;
    const volume = spec.volumes.find(({ configMap }) => configMap?.name === 'live-config');
    const mount = container?.volumeMounts.find(({ name }) => name === volume?.name);
    assert.ok(mount);
    assert.equal(mount.subPath, undefined);
    assert.equal(container?.command[2], `${mount.mountPath}/srs.conf`);
  });

  test('no Service becomes a directive', async () => {
    // Links would give the pod variables such as SRS_PORT for a Service called srs.
    assert.equal((await deployment()).spec.template.spec.enableServiceLinks, false);
    for (const { kind, metadata } of await all()) {
      if (kind === 'Service') assert.doesNotMatch(metadata.name, /^srs(-|$)/);
    }
  });

  test('selectors find the pod; it is not root and writes only where it may', async () => {
    const { spec } = await deployment();
    const { labels } = spec.template.metadata;
    assert.deepEqual(spec.selector.matchLabels, labels);
    for (const service of (await all()).filter(({ kind }) => kind === 'Service')) {
      assert.deepEqual(service.spec.selector, labels);
    }
    const pod = spec.template.spec;
    assert.equal(pod.securityContext.runAsNonRoot, true);
    assert.ok(readFileSync(DOCKERFILE, 'utf8').includes(`USER ${pod.securityContext.runAsUser}:`));
    const [container] = pod.containers;
    assert.equal(container?.securityContext.readOnlyRootFilesystem, true);
    // The pid file and whatever streams leave behind.
    assert.ok(container.volumeMounts.some(({ mountPath }) => mountPath === '/usr/local/srs/objs'));
  });
});
