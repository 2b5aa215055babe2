import { expect } from 'chai';
import { describe, it } from 'mocha';
import { endpointsOf, environmentOf } from '../../lib/stack/environment.ts';

const SECRETS = { postgresAdmin: 'admin', postgresPipeline: 'pipeline' };
const ALL = {
  kafka: { ports: { client: 1, controller: 2 } },
  connect: { ports: { rest: 3 } },
  registry: { ports: { rest: 4 } },
  postgres: { ports: { client: 5 } },
  redis: { ports: { client: 6 } },
  bigquery: { ports: { rest: 7, grpc: 8 } },
  cassandra: { ports: { client: 10, storage: 11 } },
  'partner-api': { ports: { http: 9 } },
};

describe('the environment of a stack', () => {
  it('names every service by its variables', () => {
    expect(environmentOf(ALL, SECRETS)).to.deep.equal({
      MILLRACE_KAFKA_BROKERS: '127.0.0.1:1',
      MILLRACE_CONNECT_URL: 'http://127.0.0.1:3',
      MILLRACE_REGISTRY_URL: 'http://127.0.0.1:4/apis/ccompat/v7',
      MILLRACE_REGISTRY_CONVERTER_URL: 'http://127.0.0.1:4/apis/registry/v2',
      MILLRACE_PG_URL: 'postgresql://millrace:pipeline@127.0.0.1:5/millrace',
      MILLRACE_PG_HOST: '127.0.0.1',
      MILLRACE_PG_PORT: '5',
      MILLRACE_PG_USER: 'millrace',
      MILLRACE_PG_PASSWORD: 'pipeline',
      MILLRACE_PG_DATABASE: 'millrace',
      MILLRACE_REDIS_URL: 'redis://127.0.0.1:6',
      MILLRACE_BIGQUERY_ENDPOINT: 'http://127.0.0.1:7',
      MILLRACE_BIGQUERY_GRPC_PORT: '8',
      MILLRACE_BIGQUERY_PROJECT: 'millrace-local',
      MILLRACE_CASSANDRA_CONTACT_POINTS: '127.0.0.1:10',
      MILLRACE_CASSANDRA_LOCAL_DATA_CENTER: 'datacenter1',
      MILLRACE_PARTNER_API_URL: 'http://127.0.0.1:9',
    });
  });

  it('leaves out what the stack does not have', () => {
    expect(environmentOf({ redis: ALL.redis }, SECRETS)).to.deep.equal({ MILLRACE_REDIS_URL: 'redis://127.0.0.1:6' });
    expect(endpointsOf({}, SECRETS)).to.deep.equal({ brokers: [], extra: {} });
  });
});
