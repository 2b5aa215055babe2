/** Takes ghosts out of a table's topic: a tombstone for each key that PostgreSQL does not have. */
import type { Clock } from '../core/clock.ts';
import { ConfigurationError } from '../core/errors.ts';
import type { KafkaPort, TransactionalProducer } from '../kafka/port.ts';
import type { Serde } from '../serde/index.ts';
import { findCapture, fullName, parseTableName, type Capture } from './capture.ts';
import { clientOf, type ConnectOptions } from './client.ts';
import { GhostScan, type Ghost, type GhostOptions } from './ghosts.ts';
import { requestSnapshot, requireSignals } from './signal.ts';
import { absentKeys, keyColumns, whereKeys, withPostgres, type KeyColumn } from './source-table.ts';
import type pg from 'pg';

export interface ResyncOptions extends ConnectOptions, Pick<GhostOptions, 'batchKeys' | 'mostKeys'> {
  readonly port: KafkaPort;
  readonly serde: Serde;
  readonly clock: Clock;
  /** With a user who may read the table. */
  readonly postgresUrl: string;
  /** `table` (of schema public) or `schema.table`. */
  readonly table: string;
  readonly connector?: string;
  /** Called with each ghost as it is found. */
  readonly onGhost: (ghost: Ghost) => void;
}

export interface ResyncFound {
  readonly connector: string;
  readonly table: string;
  readonly topic: string;
  readonly ghosts: number;
  /** Records of the topic that were read, over all passes. */
  readonly records: number;
  /** Of them: without a key, or with one that cannot be read. */
  readonly unreadable: number;
  readonly passes: number;
}

export interface Resynced extends ResyncFound {
  readonly removed: number;
  /** Rows that came back to PostgreSQL while their tombstones were written, and that were read again by a signal. */
  readonly readAgain: number;
}

const TOMBSTONES_A_TRANSACTION = 1_000;
const TRANSACTION_TIMEOUT_MS = 60_000;

interface Comparison {
  readonly capture: Capture;
  readonly columns: readonly KeyColumn[];
  readonly postgres: pg.Client;
  readonly scan: GhostScan;
}

const refuseUnknownKeys = (capture: Capture, columns: readonly KeyColumn[]): void => {
  if (capture.config['message.key.columns'] !== undefined) throw new ConfigurationError([`connector ${capture.connector} sets message.key.columns: its keys are not the primary keys, by which resync compares`]);
  const strange = columns.filter(({ plain }) => !plain);
  if (strange.length > 0) throw new ConfigurationError(strange.map(({ name, type }) => `key column ${name} of ${fullName(capture)} has the type ${type}, which resync does not compare`));
};

const comparing = async <T>(options: ResyncOptions, task: (comparison: Comparison) => Promise<T>): Promise<T> => {
  const capture = await findCapture(clientOf(options), parseTableName(options.table), options.connector);
  return withPostgres(options.postgresUrl, async (postgres) => {
    const columns = await keyColumns(postgres, capture);
    refuseUnknownKeys(capture, columns);
    const scan = new GhostScan({ ...options, postgres, capture, columns });
    try {
      return await task({ capture, columns, postgres, scan });
    } finally {
      await scan.close();
    }
  });
};

const foundOf = ({ capture, scan }: Comparison, ghosts: number): ResyncFound => ({ connector: capture.connector, table: fullName(capture), topic: capture.topic, ghosts, ...scan.counts });

/**
 * Finds the keys that live in a table's topic and not in PostgreSQL, and changes nothing. A row whose delete is on its way through the
 * connector just now is among them. Memory is bounded by `mostKeys`.
 *
 * Throws `ConfigurationError` for a table, key or connector that cannot be compared; `StopError` when PostgreSQL cannot be reached; `RetryError`
 * when Connect, Kafka or the registry cannot.
 */
export const findGhosts = (options: ResyncOptions): Promise<ResyncFound> =>
  comparing(options, async (comparison) => {
    let ghosts = 0;
    for await (const group of comparison.scan.ghosts()) {
      ghosts += group.length;
      group.forEach(options.onGhost);
    }
    return foundOf(comparison, ghosts);
  });

const absentOf = async ({ capture, columns, postgres }: Comparison, ghosts: readonly Ghost[]): Promise<{ readonly absent: Ghost[]; readonly present: Ghost[] }> => {
  const places = await absentKeys(postgres, capture, columns, ghosts.map(({ key }) => key));
  return { absent: ghosts.filter((_, i) => places.has(i)), present: ghosts.filter((_, i) => !places.has(i)) };
};

const writeTombstones = async (producer: TransactionalProducer, topic: string, ghosts: readonly Ghost[], nowMs: number): Promise<void> => {
  const batch = producer.batch();
  for (const { partition, bytes } of ghosts) batch.append(topic, partition, bytes, null, nowMs);
  await producer.send(batch);
  await producer.commit();
};

/**
 * Writes a tombstone for each ghost, with the key's own bytes into its own partition, in transactions. Each key is looked up in PostgreSQL
 * right before and right after: a row that came back in between may have been written before its tombstone, so the connector is asked
 * by a signal to read it again. Doing it twice changes nothing.
 *
 * Throws as `findGhosts`; `ConfigurationError` before the first tombstone when the connector takes no signals; and for a row that came back while the connector does not run, as
 * `requestSnapshot` does.
 */
export const removeGhosts = (options: ResyncOptions): Promise<Resynced> =>
  comparing(options, async (comparison) => {
    const { capture, columns, scan } = comparison;
    const producer = options.port.producer(`millrace-resync-${capture.topic}`, { transactionTimeoutMs: TRANSACTION_TIMEOUT_MS });
    let removed = 0;
    let readAgain = 0;
    let begun = false;
    try {
      for await (const group of scan.ghosts()) {
        for (let first = 0; first < group.length; first += TOMBSTONES_A_TRANSACTION) {
          options.signal?.throwIfAborted();
          if (!begun) {
            await requireSignals(comparison.postgres, capture);
            await producer.init();
          }
          begun = true;
          const { absent } = await absentOf(comparison, group.slice(first, first + TOMBSTONES_A_TRANSACTION));
          if (absent.length === 0) continue;
          await writeTombstones(producer, capture.topic, absent, options.clock.now());
          absent.forEach(options.onGhost);
          removed += absent.length;
          const { present } = await absentOf(comparison, absent);
          if (present.length > 0) await requestSnapshot({ ...options, where: whereKeys(columns, present.map(({ key }) => key)) });
          readAgain += present.length;
        }
      }
    } finally {
      await producer.close();
    }
    return { ...foundOf(comparison, removed), removed, readAgain };
  });
