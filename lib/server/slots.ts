/** Replication slots of a PostgreSQL: what a connector that stands still costs, and whether it can go on. */
import pg from 'pg';
import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import { RateLimitedLog, scrub, type Logger } from '../core/logger.ts';
import { atMost } from '../runtime/retry.ts';

export interface SlotHealth {
  readonly slot: string;
  readonly database: string | null;
  /** Whether somebody reads it now. */
  readonly active: boolean;
  /** WAL that the server keeps for it: from its restart_lsn to the end, bytes. Null when the slot has none, as after it was invalidated. */
  readonly retainedBytes: number | null;
  /** WAL that its reader has not confirmed yet, bytes. */
  readonly lagBytes: number | null;
  /** PostgreSQL's `wal_status`: reserved, extended, unreserved or lost; the last one cannot go on. */
  readonly walStatus: string | null;
  /** WAL that may still be written before the slot is invalidated, bytes; null without `max_slot_wal_keep_size`. */
  readonly safeBytes: number | null;
}

const CONNECT_TIMEOUT_MS = 3_000;
const STATEMENT_TIMEOUT_MS = 3_000;

const SLOTS = `
  SELECT slot_name::text AS slot, database::text AS database, active, wal_status AS "walStatus", safe_wal_size::float8 AS "safeBytes",
    pg_wal_lsn_diff(at, restart_lsn)::float8 AS "retainedBytes", pg_wal_lsn_diff(at, confirmed_flush_lsn)::float8 AS "lagBytes"
  FROM pg_replication_slots, (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS at) AS wal
  WHERE NOT temporary ORDER BY slot_name`;

/** All slots that last, of the whole server; any user may ask. Rejects with the driver's error within some seconds. */
export const readSlots = async (connectionString: string): Promise<readonly SlotHealth[]> => {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: CONNECT_TIMEOUT_MS, query_timeout: STATEMENT_TIMEOUT_MS, application_name: 'millrace' });
  // What goes wrong with the connection shows where it is used.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<SlotHealth>(SLOTS)).rows;
  } finally {
    await client.end();
  }
};

/** An answer so old is asked for anew. Less than scrapes are apart, so that each asks for the next one. */
const FRESH_MS = 4_000;
/** A question that has no end is given up: longer than connecting and asking may take. */
const GIVE_UP_MS = 10_000;

export interface SlotWatchOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Asks PostgreSQL. */
  readonly read: () => Promise<readonly SlotHealth[]>;
}

/**
 * What PostgreSQL last said of its slots, at once: null when it did not answer, undefined before the first answer. A caller never waits for it; it has PostgreSQL
 * asked anew in the background, one question at a time.
 */
export const slotWatch = ({ clock, log, read }: SlotWatchOptions): (() => readonly SlotHealth[] | null | undefined) => {
  const limited = new RateLimitedLog(log, clock);
  let askedMs = -Infinity;
  let asking = false;
  let known: readonly SlotHealth[] | null | undefined;
  const ask = async (): Promise<void> => {
    let answer: readonly SlotHealth[] | null = null;
    let failure: unknown = new Error(`no answer within ${GIVE_UP_MS / 1_000} s`);
    await atMost(clock, GIVE_UP_MS, read().then((slots) => void (answer = slots), (error: unknown) => void (failure = error)));
    known = answer;
    if (answer === null) limited.warn('slots', 'the replication slots cannot be read', { error: scrub(messageOf(failure)) });
    asking = false;
  };
  return () => {
    if (!asking && clock.monotonic() - askedMs >= FRESH_MS) {
      asking = true;
      askedMs = clock.monotonic();
      void ask();
    }
    return known;
  };
};
