/**
 * Compares what every sink holds with what SQL says it must hold, over every row ever written to this PostgreSQL. The
 * sinks' contents are copied into temporary tables; expected and actual are then compared in SQL.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { runChecks, type Check } from './compare/checks.ts';
import { Decoder } from './compare/decode.ts';
import { fill } from './compare/fill.ts';
import { readDeadLetters, readEnriched } from './compare/read-kafka.ts';
import { readAccepted, readPartnerTotals } from './compare/read-partner.ts';
import { readCounters, readRecent, readRecentAdded, readTop, readTotals } from './compare/read-redis.ts';
import { readWarehouse } from './compare/read-warehouse.ts';
import { countSpecials, type Specials } from './compare/specials.ts';
import { openKafka, required } from './compare/topics.ts';
import { names } from './names.ts';

export { agrees, type Check } from './compare/checks.ts';

export interface CompareOptions {
  /** MILLRACE_ variables of the stack, and PARTNER_TOKEN. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Events from this id on were written while contents changed at barriers only; the special things are counted among them. */
  readonly firstEvent: number;
  /** Names of systems that are not compared. Default: none. */
  readonly without?: readonly string[];
  readonly refuseEvery: number;
  readonly dropEvery: number;
}

export interface Comparison {
  readonly checks: readonly Check[];
  readonly specials: Specials;
}

/** Below the enriched topic's retention of seven days. */
const ENRICHED_DAYS = 6;
const DAY_MS = 86_400_000;

const statements = (name: string): Promise<string> => readFile(join(import.meta.dirname, 'compare', name), 'utf8');

type Environment = CompareOptions['environment'];

const fillFromKafka = async (client: pg.Client, environment: Environment, sinceMs: number, without: readonly string[]): Promise<void> => {
  const kafka = openKafka(required(environment, 'MILLRACE_KAFKA_BROKERS'));
  const decoder = new Decoder(required(environment, 'MILLRACE_REGISTRY_URL'));
  try {
    await fill(client, 'actual_enriched', readEnriched(kafka, decoder, sinceMs));
    await fill(client, 'actual_dead_letters', readDeadLetters(kafka, decoder, without));
  } finally {
    await kafka.close();
  }
};

const fillFromRedis = async (client: pg.Client, environment: Environment): Promise<void> => {
  const redis = new Redis(required(environment, 'MILLRACE_REDIS_URL'));
  try {
    await fill(client, 'actual_totals', readTotals(redis));
    await fill(client, 'actual_top', readTop(redis));
    await fill(client, 'actual_counters', readCounters(redis));
    await fill(client, 'actual_recent', readRecent(redis));
    await fill(client, 'actual_recent_added', readRecentAdded(redis));
  } finally {
    redis.disconnect();
  }
};

const fillFromPartner = async (client: pg.Client, environment: Environment): Promise<void> => {
  await fill(client, 'actual_partner', readAccepted(environment));
  await fill(client, 'actual_partner_totals', readPartnerTotals(environment));
};

const fillAll = async (client: pg.Client, environment: Environment, sinceMs: number, without: readonly string[]): Promise<void> => {
  await fillFromKafka(client, environment, sinceMs, without);
  if (!without.includes('bigquery')) await fill(client, 'actual_warehouse', readWarehouse(environment));
  if (!without.includes('redis')) await fillFromRedis(client, environment);
  if (!without.includes('partner')) await fillFromPartner(client, environment);
  // What tells when an event was processed, and with which version of its content.
  await client.query(`CREATE TEMP VIEW witness AS TABLE ${without.includes('bigquery') ? 'actual_enriched' : 'actual_warehouse'}`);
};

export const compare = async (options: CompareOptions): Promise<Comparison> => {
  const without = options.without ?? [];
  const sinceMs = Date.now() - ENRICHED_DAYS * DAY_MS;
  const client = new pg.Client({ connectionString: required(options.environment, 'MILLRACE_PG_URL') });
  await client.connect();
  try {
    await client.query(await statements('actual.sql'));
    await client.query('INSERT INTO run VALUES ($1, $2, $3, $4, $5, $6)', [
      options.firstEvent, options.refuseEvery, options.dropEvery, names.recentLength, new Date(sinceMs).toISOString(), without,
    ]);
    await fillAll(client, options.environment, sinceMs, without);
    await client.query(await statements('expected.sql'));
    return { checks: await runChecks(client, without), specials: await countSpecials(client, without) };
  } finally {
    await client.end();
  }
};
