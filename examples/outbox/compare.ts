/**
 * Compares what the sinks hold with what SQL says they must hold. Their contents are copied into temporary tables; expected and actual
 * are then compared in PostgreSQL.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Check } from '../../lib/cli/start/demo.ts';
import { fill } from '../engagement/compare/fill.ts';
import { runChecks } from './compare/checks.ts';
import { readHashes, readRows } from './compare/read.ts';
import { openCassandra, openRedis, outboxDatabase, type Environment } from './connect.ts';
import { EXPIRE_SECONDS } from './names.ts';

export interface CompareOptions {
  /** MILLRACE_ variables of the stack. */
  readonly environment: Environment;
  /** Events from this id on were written while contents changed at barriers only, and none of their hashes has expired. */
  readonly firstEvent: number;
  /** Names of systems that are not compared. */
  readonly without: readonly string[];
}

/** What a run must have had at least once, or it has shown little. */
export type Specials = Readonly<Record<'edits' | 'withoutRatio', number>>;

export interface Comparison {
  readonly checks: readonly Check[];
  readonly specials: Specials;
}

const SPECIALS = `
  SELECT (SELECT count(*) FROM content_history h, run
          WHERE h.after_event >= first_event AND EXISTS (SELECT FROM content_history o WHERE o.content_id = h.content_id AND o.version < h.version))::int AS edits,
         (SELECT count(*) FROM expected, run WHERE event_id >= first_event AND engagement_pct IS NULL)::int AS "withoutRatio"`;

const statements = (name: string): Promise<string> => readFile(join(import.meta.dirname, 'compare', name), 'utf8');

export const compare = async ({ environment, firstEvent, without }: CompareOptions): Promise<Comparison> => {
  const client = outboxDatabase(environment);
  await client.connect();
  try {
    await client.query(await statements('actual.sql'));
    await client.query('INSERT INTO run VALUES ($1, $2, $3)', [firstEvent, EXPIRE_SECONDS, without]);
    if (!without.includes('redis')) {
      const redis = openRedis(environment);
      await fill(client, 'actual_hashes', readHashes(redis)).finally(() => redis.disconnect());
    }
    if (!without.includes('cassandra')) {
      const cassandra = openCassandra(environment);
      await fill(client, 'actual_rows', readRows(cassandra)).finally(() => cassandra.shutdown());
    }
    await client.query(await statements('expected.sql'));
    const checks = await runChecks(client, without);
    const { rows: [specials] } = await client.query<Specials>(SPECIALS);
    return { checks, specials: specials! };
  } finally {
    await client.end();
  }
};
