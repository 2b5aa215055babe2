/** No engine runs here: the files for containers are held to the schema, to each other and to the native stack, which is tried for real. */
import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import demo from '../../examples/engagement/demo.ts';
import { artifactFile, CLASHING_JARS, CONVERTER, DEBEZIUM, REGISTRY } from '../../lib/stack/artifacts.ts';
import { runCommand } from '../../lib/stack/command.ts';
import { COMPOSE_SERVICES, WATCHING_PORTS } from '../../lib/stack/docker.ts';
import { environmentOf } from '../../lib/stack/environment.ts';
import { onPath } from '../../lib/stack/requirements.mjs';
import { BIGQUERY_PROJECT } from '../../lib/stack/services/bigquery.ts';
import { connectProperties } from '../../lib/stack/services/connect.ts';
import { cassandraYaml } from '../../lib/stack/services/cassandra.ts';
import { baseServices, ownServices } from '../../lib/stack/services/index.ts';
import { brokerProperties } from '../../lib/stack/services/kafka.ts';
import { PIPELINE_DATABASE, PIPELINE_ROLE, SERVER_SETTINGS } from '../../lib/stack/services/postgres.ts';
import { readCompose, readText, ROOT, schemaProblems, type Compose } from './compose.ts';

/** Redis comes with the system: this is Debian 12's and Ubuntu 24.04's, where the native stack is tried. */
const PACKAGED_REDIS = '7.0';
/** Major and minor version of this machine's Redis; undefined where there is none, or one of another generation than the packages'. */
const nativeRedis = async (): Promise<string | undefined> => {
  const file = onPath('redis-server');
  return file === undefined ? undefined : /v=(7\.\d+)\./.exec(await runCommand(file, ['--version']))?.[1];
};

const versionOf = (coordinates: string): string => coordinates.split(':')[2]!;
const port = (service: string, role: string): number => ownServices.find(({ name }) => name === service)!.ports[role]!;
const pairs = (properties: string): [string, string][] =>
  properties.split('\n').filter((line) => /^[a-z]/.test(line)).map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]);
const variableOf = (prefix: string, property: string): string => `${prefix}_${property.toUpperCase().replaceAll('.', '_')}`;

/** What depends on where a server runs: compared by hand below, or the image's own affair. */
const PLACES_OF_KAFKA = ['controller.quorum.voters', 'listeners', 'advertised.listeners', 'log.dirs'];
const PLACES_OF_CONNECT = ['bootstrap.servers', 'listeners', 'rest.advertised.host.name', 'plugin.path', 'plugin.discovery'];
/** Settings for which Debezium's image has a variable of another name, that wins. */
const VARIABLES_OF_CONNECT: Readonly<Record<string, string>> = {
  'group.id': 'GROUP_ID',
  'config.storage.topic': 'CONFIG_STORAGE_TOPIC',
  'offset.storage.topic': 'OFFSET_STORAGE_TOPIC',
  'status.storage.topic': 'STATUS_STORAGE_TOPIC',
  'key.converter': 'KEY_CONVERTER',
  'value.converter': 'VALUE_CONVERTER',
  'offset.flush.interval.ms': 'OFFSET_FLUSH_INTERVAL_MS',
  'task.shutdown.graceful.timeout.ms': 'SHUTDOWN_TIMEOUT',
};

describe('docker-compose.yml', () => {
  let compose: Compose;
  const service = (name: string) => compose.services[name]!;
  const environment = (name: string): Readonly<Record<string, string>> => service(name).environment ?? {};

  before(async () => {
    compose = await readCompose();
  });

  it('is valid by the schema of the Compose specification, which refuses what is not', () => {
    expect(schemaProblems(compose)).to.deep.equal([]);
    expect(schemaProblems({ ...compose, services: { ...compose.services, wrong: { image: 'x', port: ['1:1'] } } })).to.have.length(1);
    expect(schemaProblems({ ...compose, services: { ...compose.services, wrong: { image: 'x', depends_on: { kafka: { condition: 'healthy' } } } } })).not.to.have.length(0);
  });

  it('has every server of the native stack, and what watches it', () => {
    expect(Object.keys(compose.services)).to.have.members([...COMPOSE_SERVICES, ...Object.keys(WATCHING_PORTS), 'prometheus', 'grafana', 'workers', 'cassandra']);
    expect(COMPOSE_SERVICES).to.include.members(baseServices.map(({ name }) => name));
    expect(Object.entries(compose.services).filter(([, { profiles }]) => profiles !== undefined).map(([name, { profiles }]) => [name, profiles])).to.deep.equal([['cassandra', ['cassandra']], ['workers', ['workers']]]);
  });

  it('publishes on 127.0.0.1 only, on the ports of the native stack', async () => {
    const published = Object.values(compose.services).flatMap(({ ports }) => ports ?? []);
    for (const text of published) expect(text).to.match(/^127\.0\.0\.1:\d+:\d+$/);
    const hostPorts = published.map((text) => text.split(':')[1]);
    expect(new Set(hostPorts).size).to.equal(hostPorts.length);
    for (const { name, ports } of ownServices) {
      for (const [role, number] of Object.entries(ports)) if (role !== 'controller' && role !== 'storage') expect(service(name).ports, `${name} ${role}`).to.include(`127.0.0.1:${number}:${number}`);
    }
    const folder = await mkdtemp(join(tmpdir(), 'millrace-compose-'));
    const [partner] = await demo.services(folder).finally(() => rm(folder, { recursive: true }));
    expect(service('partner').ports).to.deep.equal([`127.0.0.1:${partner!.port}:${partner!.port}`]);
    const faults = partner!.command.slice(partner!.command.indexOf('--refuse-every'));
    expect(service('partner').command).to.deep.equal(['--host', '0.0.0.0', '--port', String(partner!.port), '--data', '/data', ...faults]);
  });

  it('publishes what there is to look at on the ports that the live view names', () => {
    for (const [name, number] of Object.entries(WATCHING_PORTS)) expect(service(name).ports!.map((text) => text.split(':').slice(0, 2))).to.deep.equal([['127.0.0.1', String(number)]]);
  });

  it('pins every image to a version', () => {
    for (const [name, { image }] of Object.entries(compose.services)) if (image !== undefined && image !== 'millrace-worker') expect(image, name).to.match(/:v?\d+[\w.-]*$/);
  });

  it('has the versions of the native stack', async () => {
    const [, kafka] = /<artifactId>kafka_2\.13<\/artifactId><version>([^<]+)</.exec(await readText(artifactFile('kafka-pom.xml').slice(ROOT.length))) ?? [];
    expect(service('kafka').image).to.equal(`apache/kafka:${kafka}`);
    expect(service('registry').image).to.equal(`apicurio/apicurio-registry:${versionOf(REGISTRY.coordinates)}`);
    expect(service('postgres').image).to.match(/^postgres:15/);
    expect(service('redis').image).to.equal(`redis:${(await nativeRedis()) ?? PACKAGED_REDIS}-bookworm`);
    const [, cassandra] = /<artifactId>cassandra-all<\/artifactId><version>([^<]+)</.exec(await readText(artifactFile('cassandra-pom.xml').slice(ROOT.length))) ?? [];
    expect(service('cassandra').image).to.equal(`cassandra:${cassandra}`);
    expect(await readText(artifactFile('cassandra-jars.sha256').slice(ROOT.length))).to.contain(`  cassandra-all-${cassandra}.jar\n`);
    const connect = await readText('deploy', 'docker', 'connect.Dockerfile');
    expect(connect).to.contain(`FROM quay.io/debezium/connect:${versionOf(DEBEZIUM.coordinates)}\n`);
    expect(connect).to.contain(`-Dartifact=${CONVERTER.coordinates} `).and.to.contain(CONVERTER.sha256);
    expect(connect).to.contain(CLASHING_JARS.source.replace(/^\^/, '').replace(/-\\d$/, ''));
    const bigquery = await readText('deploy', 'docker', 'bigquery.Dockerfile');
    expect(bigquery).to.match(/^FROM python:3\.1[3-9]-/m).and.to.contain(' lib/stack/artifacts/bigquery-requirements.txt ').and.to.contain(`"--project", "${BIGQUERY_PROJECT}"`);
    const { devDependencies } = JSON.parse(await readText('package.json')) as { readonly devDependencies: Readonly<Record<string, string>> };
    expect([...(await readText('Dockerfile')).matchAll(/^FROM node:([\d.]+)-/gm)].map(([, version]) => version)).to.deep.equal(Array(3).fill(devDependencies['node']));
  });

  it("has the broker's settings", () => {
    for (const [property, value] of pairs(brokerProperties({ port, dataDir: '/data' }))) {
      if (!PLACES_OF_KAFKA.includes(property)) expect(environment('kafka'), property).to.include({ [variableOf('KAFKA', property)]: value });
    }
    expect(environment('kafka')['KAFKA_ADVERTISED_LISTENERS']).to.contain(`HOST://127.0.0.1:${port('kafka', 'client')},`).and.to.contain('INTERNAL://kafka:19092');
  });

  it("has the Connect worker's settings", () => {
    const settings = pairs(connectProperties({ port }, '/plugins'));
    expect(settings.length).to.be.greaterThan(15);
    for (const [property, value] of settings) {
      if (PLACES_OF_CONNECT.includes(property)) continue;
      expect(environment('connect'), property).to.include({ [VARIABLES_OF_CONNECT[property] ?? variableOf('CONNECT', property)]: value });
    }
    expect(environment('connect')).to.include({ BOOTSTRAP_SERVERS: 'kafka:19092' });
  });

  it('has the settings of PostgreSQL, Redis and the registry', () => {
    const postgres = service('postgres').command!;
    for (const [name, value] of Object.entries(SERVER_SETTINGS)) expect(postgres).to.include(`${name}=${value}`);
    expect(environment('postgres')).to.include({ MILLRACE_PG_USER: PIPELINE_ROLE, MILLRACE_PG_DATABASE: PIPELINE_DATABASE });
    expect(service('redis').command!.join(' ')).to.contain('--appendonly yes --save ');
    expect(environment('registry')).to.include({ APICURIO_STORAGE_KIND: 'sql', APICURIO_STORAGE_SQL_KIND: 'h2' });
    expect(environment('registry')['APICURIO_DATASOURCE_URL']).to.match(/^jdbc:h2:file:.*;WRITE_DELAY=0$/);
  });

  it('has the settings of Cassandra that programs notice', () => {
    const settings = new Map(cassandraYaml({ port, dataDir: '/data' }).split('\n').map((line) => [line.split(': ')[0], line.split(': ')[1]]));
    expect(environment('cassandra')).to.include({ CASSANDRA_CLUSTER_NAME: settings.get('cluster_name'), CASSANDRA_NUM_TOKENS: settings.get('num_tokens'), CASSANDRA_ENDPOINT_SNITCH: settings.get('endpoint_snitch') });
    expect(service('cassandra').ports).to.deep.equal([`127.0.0.1:${settings.get('native_transport_port')}:${settings.get('native_transport_port')}`]);
  });

  it('runs the connector files unchanged: every variable they name is there', async () => {
    const files = await readdir(join(ROOT, 'connectors'));
    expect(files).not.to.have.length(0);
    for (const file of files) {
      const text = await readText('connectors', file);
      const names = [...new Set([...text.matchAll(/\$\{env:(\w+)\}/g)].map(([, name]) => name!))];
      expect(environment('connect'), file).to.include.all.keys(names);
      expect(text).to.contain('"io.apicurio.registry.utils.converter.AvroConverter"');
    }
  });

  it('tells workers what the native stack tells them', () => {
    const ports = Object.fromEntries(baseServices.map(({ name, ports: own }) => [name, { ports: own }]));
    const native = environmentOf(ports, { postgresAdmin: '', postgresPipeline: '' });
    const own = Object.entries(environment('workers')).filter(([name]) => name.startsWith('MILLRACE_'));
    expect(own.map(([name]) => name)).to.include.members(['MILLRACE_KAFKA_BROKERS', 'MILLRACE_REGISTRY_URL', 'MILLRACE_REDIS_URL', 'MILLRACE_BIGQUERY_ENDPOINT', 'MILLRACE_BIGQUERY_PROJECT']);
    const places = /127\.0\.0\.1|kafka|registry|redis(?!:\/\/)|bigquery/g;
    for (const [name, value] of own) expect(value.replace(':19092', ':9092').replaceAll(places, 'HOST'), name).to.equal(native[name]!.replaceAll(places, 'HOST'));
  });

  it('waits only for what has a check, mounts only what is there, and holds no password', () => {
    for (const [name, { depends_on: needed = {}, volumes = [], environment: values = {} }] of Object.entries(compose.services)) {
      for (const [other, { condition }] of Object.entries(needed)) {
        expect(condition).to.equal('service_healthy');
        expect(service(other).healthcheck, `${name} waits for ${other}`).not.to.equal(undefined);
      }
      for (const [source] of volumes.map((text) => text.split(':'))) {
        if (source!.startsWith('.')) expect(existsSync(join(ROOT, source!)), source).to.equal(true);
        else expect(compose.volumes, name).to.have.property(source!);
      }
      for (const [variable, value] of Object.entries(values)) if (/PASSWORD|TOKEN$/.test(variable)) expect(value, variable).to.match(/^\$\{\w+:\?[^}]+\}$/);
    }
  });
});

describe('the Dockerfiles', () => {
  const files = ['Dockerfile', 'deploy/docker/connect.Dockerfile', 'deploy/docker/bigquery.Dockerfile'];

  for (const file of files) {
    it(`copy what is there and is let through: ${file}`, async () => {
      const allowed = (await readText('.dockerignore')).split('\n').filter((line) => line.startsWith('!')).map((line) => line.slice(1));
      const sources = [...(await readText(file)).matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, text]) => text!.split(' '));
      for (const source of sources) {
        expect(existsSync(join(ROOT, source)), source).to.equal(true);
        expect(allowed, source).to.include(source.split('/')[0]);
      }
    });
  }

  it('runs workers as another user than root, with a check of /health', async () => {
    const text = await readText('Dockerfile');
    const user = /^USER (.+)$/m.exec(text);
    // A name is not believed where root is forbidden: Kubernetes cannot tell that it is another.
    expect(user?.[1]).to.equal('1000:1000');
    expect(user!.index).to.be.lessThan(text.indexOf('ENTRYPOINT'));
    expect(text).to.match(/^HEALTHCHECK [\s\S]*\/health/m);
  });

  it('keeps state on disk in a folder that the user of the image may write to, where volumes are mounted', async () => {
    const text = await readText('Dockerfile');
    const [, folder] = /\bMILLRACE_STATE_DIR=(\S+)/.exec(text) ?? [];
    const [, owned] = /^RUN mkdir (\S+) && chown node:node \1$/m.exec(text) ?? [];
    expect(owned, 'a folder of the user').to.match(/^\//);
    expect(folder).to.match(new RegExp(`^${owned}/`));
  });
});
