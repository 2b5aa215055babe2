import type { Endpoints } from '../../stack/environment.ts';
import type { Address } from '../view/model.ts';

/** Where to look at a running stack, without passwords. Of systems left out: that they are. */
export const addressesOf = (endpoints: Endpoints, environment: Readonly<Record<string, string | undefined>>, without: readonly string[]): readonly Address[] => {
  const { brokers, connectUrl, registryUrl, postgresUrl, redisUrl, bigquery, cassandra, extra } = endpoints;
  const postgres = postgresUrl === undefined ? undefined : new URL(postgresUrl);
  const known: readonly (readonly [name: string, address: string | undefined])[] = [
    ['kafka', brokers.join(',')],
    ['connect', connectUrl === undefined ? undefined : `${connectUrl}/connectors`],
    ['registry', registryUrl === undefined ? undefined : new URL('/apis', registryUrl).href],
    ['postgres', postgres === undefined ? undefined : `${postgres.host}${postgres.pathname}`],
    ['redis', redisUrl],
    ['bigquery', bigquery === undefined ? undefined : `${bigquery.apiEndpoint} (${environment.MILLRACE_BIGQUERY_PROJECT ?? bigquery.projectId})`],
    ['cassandra', cassandra?.contactPoint],
    ...Object.entries(extra),
  ];
  const addresses = known.filter(([name, address]) => address !== undefined && address !== '' && !without.includes(name)).map(([name, address]) => ({ name, address: address! }));
  return [...addresses, ...without.map((name) => ({ name, address: 'left out' }))];
};
