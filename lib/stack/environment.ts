import type { Secrets } from './secrets.ts';
import { BIGQUERY_PROJECT } from './services/bigquery.ts';
import { DATA_CENTER } from './services/cassandra.ts';
import { PIPELINE_DATABASE, PIPELINE_ROLE } from './services/postgres.ts';
import type { ServiceState } from './state.ts';

const HOST = '127.0.0.1';

/** How the services are reached. Only services that belong to the stack have an entry. */
export interface Endpoints {
  readonly brokers: readonly string[];
  readonly connectUrl?: string;
  /** The Confluent-compatible API. */
  readonly registryUrl?: string;
  /** With the pipeline's password: not for output. */
  readonly postgresUrl?: string;
  readonly redisUrl?: string;
  readonly bigquery?: { readonly apiEndpoint: string; readonly grpcPort: number; readonly projectId: string };
  readonly cassandra?: { readonly contactPoint: string; readonly localDataCenter: string };
  /** Base URL of each service that the caller added. */
  readonly extra: Readonly<Record<string, string>>;
}

type Ports = Readonly<Record<string, Pick<ServiceState, 'ports'>>>;

const BASE_NAMES: ReadonlySet<string> = new Set(['kafka', 'connect', 'registry', 'postgres', 'redis', 'bigquery', 'cassandra']);

const url = (services: Ports, name: string, role: string, path = ''): string | undefined => {
  const port = services[name]?.ports[role];
  return port === undefined ? undefined : `http://${HOST}:${port}${path}`;
};

const postgresUrl = (port: number, secrets: Secrets): string =>
  `postgresql://${PIPELINE_ROLE}:${secrets.postgresPipeline}@${HOST}:${port}/${PIPELINE_DATABASE}`;

export const endpointsOf = (services: Ports, secrets: Secrets): Endpoints => {
  const kafka = services.kafka?.ports.client;
  const connectUrl = url(services, 'connect', 'rest');
  const registryUrl = url(services, 'registry', 'rest', '/apis/ccompat/v7');
  const postgres = services.postgres?.ports.client;
  const redis = services.redis?.ports.client;
  const apiEndpoint = url(services, 'bigquery', 'rest');
  const grpcPort = services.bigquery?.ports.grpc;
  const cassandra = services.cassandra?.ports.client;
  const extra = Object.keys(services).filter((name) => !BASE_NAMES.has(name));
  return {
    brokers: kafka === undefined ? [] : [`${HOST}:${kafka}`],
    ...(connectUrl === undefined ? {} : { connectUrl }),
    ...(registryUrl === undefined ? {} : { registryUrl }),
    ...(postgres === undefined ? {} : { postgresUrl: postgresUrl(postgres, secrets) }),
    ...(redis === undefined ? {} : { redisUrl: `redis://${HOST}:${redis}` }),
    ...(apiEndpoint === undefined || grpcPort === undefined ? {} : { bigquery: { apiEndpoint, grpcPort, projectId: BIGQUERY_PROJECT } }),
    ...(cassandra === undefined ? {} : { cassandra: { contactPoint: `${HOST}:${cassandra}`, localDataCenter: DATA_CENTER } }),
    extra: Object.fromEntries(extra.map((name) => [name, url(services, name, 'http') ?? ''])),
  };
};

/** The same as variables: for workers, tests, the generator and, through its `env` provider, for Connect. */
export const environmentOf = (services: Ports, secrets: Secrets): Record<string, string> => {
  const endpoints = endpointsOf(services, secrets);
  const variables: Record<string, string | undefined> = {
    MILLRACE_KAFKA_BROKERS: endpoints.brokers.length === 0 ? undefined : endpoints.brokers.join(','),
    MILLRACE_CONNECT_URL: endpoints.connectUrl,
    MILLRACE_REGISTRY_URL: endpoints.registryUrl,
    MILLRACE_REGISTRY_CONVERTER_URL: url(services, 'registry', 'rest', '/apis/registry/v2'),
    MILLRACE_REDIS_URL: endpoints.redisUrl,
    MILLRACE_BIGQUERY_ENDPOINT: endpoints.bigquery?.apiEndpoint,
    MILLRACE_BIGQUERY_GRPC_PORT: endpoints.bigquery?.grpcPort.toString(),
    MILLRACE_BIGQUERY_PROJECT: endpoints.bigquery?.projectId,
    MILLRACE_CASSANDRA_CONTACT_POINTS: endpoints.cassandra?.contactPoint,
    MILLRACE_CASSANDRA_LOCAL_DATA_CENTER: endpoints.cassandra?.localDataCenter,
  };
  if (endpoints.postgresUrl !== undefined) {
    variables.MILLRACE_PG_URL = endpoints.postgresUrl;
    variables.MILLRACE_PG_HOST = HOST;
    variables.MILLRACE_PG_PORT = String(services.postgres?.ports.client);
    variables.MILLRACE_PG_USER = PIPELINE_ROLE;
    variables.MILLRACE_PG_PASSWORD = secrets.postgresPipeline;
    variables.MILLRACE_PG_DATABASE = PIPELINE_DATABASE;
  }
  for (const [name, base] of Object.entries(endpoints.extra)) variables[`MILLRACE_${name.toUpperCase().replaceAll('-', '_')}_URL`] = base;
  return Object.fromEntries(Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined));
};
