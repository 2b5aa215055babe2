/** Connections to what the example writes to and reads from, out of the stack's variables. */
import cassandra, { type Client as Cassandra } from 'cassandra-driver';
import { Redis } from 'ioredis';
import pg from 'pg';
import { ConfigurationError } from '../../lib/core/errors.ts';
import { names } from './names.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const required = (environment: Environment, name: string): string => {
  const value = environment[name];
  if (value === undefined || value === '') throw new ConfigurationError([`${name} is not set`]);
  return value;
};

/** The database that the stack has; `outbox` is made from there. */
export const adminDatabase = (environment: Environment): pg.Client => new pg.Client({ connectionString: required(environment, 'MILLRACE_PG_URL') });

export const outboxDatabase = (environment: Environment): pg.Client => {
  const url = new URL(required(environment, 'MILLRACE_PG_URL'));
  url.pathname = `/${names.database}`;
  return new pg.Client({ connectionString: url.href });
};

export const openRedis = (environment: Environment): Redis => {
  const redis = new Redis(required(environment, 'MILLRACE_REDIS_URL'));
  redis.on('error', () => undefined);
  return redis;
};

export const openCassandra = (environment: Environment): Cassandra => new cassandra.Client({
  contactPoints: required(environment, 'MILLRACE_CASSANDRA_CONTACT_POINTS').split(','),
  localDataCenter: required(environment, 'MILLRACE_CASSANDRA_LOCAL_DATA_CENTER'),
});
