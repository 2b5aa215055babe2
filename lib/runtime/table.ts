import type { Change, ChangeSource } from '../../topology/codecs.ts';
import type { TableNode } from '../../topology/node.ts';
import type { Clock } from '../core/clock.ts';
import type { Config } from '../core/config.ts';
import { DeadLetterError, messageOf, RetryError, StopError } from '../core/errors.ts';
import type { Logger, RateLimitedLog } from '../core/logger.ts';
import { OffsetOutOfRangeError } from '../kafka/errors.ts';
import type { BatchReader, FetchedBatch, KafkaPort, Position, TopicPartition } from '../kafka/port.ts';
import type { TableAccess } from '../plan/compile.ts';
import {
  foreignKey, isKeyOf, isUnavailable, KEY_HINT, lookupKey, mergeUnavailable, NO_VALUE, requiredColumns, unavailability, type IsUnavailable, type KeyDecoder, type ValueDecoder,
} from '../serde/index.ts';
import { fetchLimits } from './limits.ts';
import { prepared } from './prepared.ts';
import { UnreadableError, valueOf } from './reading.ts';
import { pauseMs, retrying } from './retry.ts';
import type { Serdes } from './serdes.ts';
import { keyName, rowKeyOf, TableRows, type Row } from './table-rows.ts';
import { Wake } from './wake.ts';

/** Debezium's marks of rows that a snapshot reads, but for the last one of a table. */
const SNAPSHOT_RUNNING = new Set(['true', 'first', 'first_in_data_collection']);

export interface TableOptions {
  readonly node: TableNode;
  readonly partitions: number;
  readonly port: KafkaPort;
  readonly serdes: Serdes;
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limited: RateLimitedLog;
  readonly signal: AbortSignal;
}

/**
 * A table, whole, in this worker: one copy for all its tasks. `load` reads it to its end; `caughtUp` waits until it has
 * passed the high watermark that it asks for after the call, so that a row written before an event is there when the
 * event is processed.
 */
export class TableReader implements TableAccess {
  readonly #options: TableOptions;
  readonly #rows = new TableRows();
  readonly #reader: BatchReader;
  readonly #ends: BatchReader;
  readonly #values: ValueDecoder<unknown>;
  readonly #keys: KeyDecoder;
  readonly #isUnavailable: IsUnavailable;
  /** Columns that a row cannot be without. */
  readonly #required: ReadonlySet<string>;
  readonly #places: readonly TopicPartition[];
  #positions: Position[] = [];
  readonly #moved: Wake[] = [];
  #asking: Promise<readonly Position[]> | null = null;
  #next: Promise<readonly Position[]> | null = null;
  /** Kafka times of the newest row that says a snapshot runs, and of the newest that says it has ended; partitions are read in any order. */
  #snapshotAt = 0;
  #snapshotEndedAt = 0;
  #running: Promise<void> = Promise.resolve();
  #loaded = false;
  #pausedBy: UnreadableError | null = null;
  #unreadable = 0;
  #valuesUnavailable = 0;

  constructor(options: TableOptions) {
    this.#options = options;
    this.#reader = options.port.reader();
    this.#ends = options.port.reader();
    this.#values = options.serdes.tableValues(options.node.codec);
    this.#keys = options.serdes.tableKeys(options.node.codec);
    this.#isUnavailable = options.node.codec.kind === 'debezium' ? unavailability(options.node.codec.unavailable) : isUnavailable;
    this.#required = requiredColumns(options.node.codec);
    this.#places = Array.from({ length: options.partitions }, (_, partition) => ({ topic: options.node.topic, partition }));
  }

  get(key: unknown): unknown {
    return this.#rows.get(lookupKey(key));
  }

  get size(): number {
    return this.#rows.size;
  }

  /** True from when `load` has ended. */
  get loaded(): boolean {
    return this.#loaded;
  }

  /** Why the table is not read on; null while it is. */
  get pausedBy(): string | null {
    return this.#pausedBy === null ? null : messageOf(this.#pausedBy);
  }

  /** Records that could not be read; the table went on with what it had. */
  get unreadable(): number {
    return this.#unreadable;
  }

  /** Values that were not sent and that no row before had. */
  get valuesUnavailable(): number {
    return this.#valuesUnavailable;
  }

  /** Reads the topic to its end and follows it from then on. A snapshot that still runs is waited for, bounded. */
  async load(): Promise<void> {
    const { clock, config, log, node } = this.#options;
    const startedMs = clock.monotonic();
    this.#positions = [...await this.#retry('the start of a table', () => this.#reader.startOffsets(this.#places))];
    const ends = await this.#retry('the end of a table', () => this.#ends.endOffsets(this.#places, 'read_committed'));
    while (!this.#passed(ends)) await this.#step();
    while (this.#snapshotRuns() && clock.monotonic() - startedMs < config.tableBootstrapTimeoutMs) await this.#step();
    if (this.#snapshotRuns()) log.warn('a first snapshot still runs; the table goes on without waiting for its end', { table: node.topic, rows: this.#rows.size });
    log.info('table loaded', { table: node.topic, rows: this.#rows.size, ms: Math.round(clock.monotonic() - startedMs) });
    this.#loaded = true;
    this.#running = this.#follow();
  }

  /** A hint: marks may be compacted away, and a snapshot that brought nothing for as long as we would wait has stopped. */
  #snapshotRuns(): boolean {
    const { clock, config } = this.#options;
    return this.#snapshotAt > this.#snapshotEndedAt && clock.now() - this.#snapshotAt < config.tableBootstrapTimeoutMs;
  }

  async #follow(): Promise<void> {
    while (!this.#options.signal.aborted) {
      try {
        await this.#step();
      } catch (error) {
        if (this.#options.signal.aborted) return;
        throw error;
      }
    }
  }

  /** Ends with an error when the table can no longer be read. */
  get running(): Promise<void> {
    return this.#running;
  }

  async #step(): Promise<void> {
    const { config, clock } = this.#options;
    const batches = await this.#retry('reading a table', () => this.#reader.fetch(this.#positions, fetchLimits(config)).catch((error: unknown) => {
      throw error instanceof OffsetOutOfRangeError ? this.#gone(error) : error;
    }));
    for (const batch of batches) {
      await this.#prepared(batch);
      for (let i = 0; i < batch.count; i += 1) if (!this.#apply(batch, i)) await this.#readable(batch, i);
      this.#positions[batch.partition] = { topic: batch.topic, partition: batch.partition, offset: batch.nextOffset };
    }
    if (batches.length > 0) for (const wake of this.#moved) wake.signal();
    else await clock.turn();
  }

  async #prepared(batch: FetchedBatch): Promise<void> {
    await this.#retry('the schemas of a table', async () => void await prepared(batch, { values: this.#values, keys: this.#keys }));
  }

  /** Stands at a row whose schema cannot be read until it can: what is joined with the table waits for that. */
  async #readable(batch: FetchedBatch, i: number): Promise<void> {
    const { clock, config, limited, log, node, signal } = this.#options;
    log.error('a table is paused: it cannot read the schema of its next row, and the stages that join with it wait', { table: node.topic, error: this.pausedBy });
    for (let attempt = 0; ; attempt += 1) {
      await clock.sleep(pauseMs(clock, config, attempt, null), signal);
      await this.#prepared(batch);
      if (this.#apply(batch, i)) break;
      limited.warn(`paused ${node.topic}`, 'a table is still paused', { table: node.topic, error: this.pausedBy });
    }
    log.info('a table is no longer paused', { table: node.topic });
  }

  /** What was there of the table is not known any more: a worker that starts anew reads it whole. */
  #gone(cause: OffsetOutOfRangeError): StopError {
    return new StopError('a table was deleted or made anew while it was read', { where: cause.positions[0]!, cause, hint: 'Start again; a table needs cleanup.policy=compact' });
  }

  #retry<T>(what: string, attempt: () => Promise<T>): Promise<T> {
    const { clock, config, limited, signal, node } = this.#options;
    return retrying({ clock, config, limited, signal, what: `${what} (${node.topic})` }, attempt);
  }

  /** False when nothing that has the row's schema can be read. */
  #apply(batch: FetchedBatch, i: number): boolean {
    this.#pausedBy = null;
    try {
      const value = valueOf(this.#values, batch, i);
      if (value === NO_VALUE) this.#rows.forget(lookupKey(this.#keys.decode(batch.key(i))));
      else if (this.#options.node.codec.kind === 'debezium') this.#change(value as Change<Row>, batch, i);
      else this.#put(value as Row, batch, i, null);
    } catch (error) {
      if (error instanceof UnreadableError) {
        this.#pausedBy = error;
        return false;
      }
      if (!(error instanceof DeadLetterError)) throw error;
      this.#unreadable += 1;
      const { limited, node } = this.#options;
      limited.warn(`table ${node.topic}`, 'a row of a table cannot be read; the table keeps what it had', {
        table: node.topic, partition: batch.partition, offset: batch.offset(i), error,
      });
    }
    return true;
  }

  #change(change: Change<Row>, batch: FetchedBatch, i: number): void {
    if (change.op === 'r' && SNAPSHOT_RUNNING.has(change.source.snapshot)) this.#snapshotAt = Math.max(this.#snapshotAt, batch.timestamp(i));
    else this.#snapshotEndedAt = Math.max(this.#snapshotEndedAt, batch.timestamp(i));
    if (change.op === 't') this.#rows.clear();
    else if (change.after !== null) this.#put(change.after, batch, i, change.source);
    else this.#rows.forget(lookupKey(this.#keys.decode(batch.key(i))));
  }

  #put(row: Row, batch: FetchedBatch, i: number, source: ChangeSource | null): void {
    const { node } = this.#options;
    const key = rowKeyOf(row, node.key);
    const messageKey = this.#keys.decode(batch.key(i));
    // Other producers may write keys of any form; the connector's are the columns of the row that it was told.
    if (node.codec.kind === 'debezium' && !isKeyOf(messageKey, key)) {
      throw new DeadLetterError(foreignKey(node.key), { hint: KEY_HINT });
    }
    const lost: string[] = [];
    this.#rows.put(lookupKey(messageKey), lookupKey(key), (previous) => {
      const merged = mergeUnavailable(row, previous, this.#isUnavailable, (column) => lost.push(column));
      if (lost.length > 0) this.#lost(lost, key, source);
      return merged;
    });
  }

  /** What was not sent is nowhere else to be had. */
  #lost(columns: readonly string[], key: unknown, source: ChangeSource | null): void {
    const { limited, node } = this.#options;
    this.#valuesUnavailable += columns.length;
    const name = source === null || source.table === '' ? node.topic : `${source.schema}.${source.table}`;
    const hint = `ALTER TABLE ${name} REPLICA IDENTITY FULL; millrace snapshot then brings the value`;
    limited.warn(`unavailable ${node.topic}`, 'a value of a table was not sent (unchanged TOAST) and no row before had it', { table: node.topic, columns, key: keyName(key), hint });
    const required = columns.find((column) => this.#required.has(column));
    if (required !== undefined) throw new DeadLetterError(`column ${required} was not sent by Debezium (unchanged TOAST), no row before had it, and it is never null`, { hint });
  }

  #passed(ends: readonly Position[]): boolean {
    return ends.every((end) => (this.#positions[end.partition]?.offset ?? 0) >= end.offset);
  }

  /** High watermarks asked for after this call; calls that come while a question is on its way share the next one. */
  #watermarks(): Promise<readonly Position[]> {
    if (this.#asking === null) {
      this.#asking = this.#ends.endOffsets(this.#places, 'read_uncommitted').finally(() => {
        this.#asking = null;
      });
      return this.#asking;
    }
    this.#next ??= this.#asking.then(() => undefined, () => undefined).then(() => {
      this.#next = null;
      return this.#watermarks();
    });
    return this.#next;
  }

  /** True when the table has passed its high watermark as of now; false when that took longer than `table.catchup.timeout.ms`. */
  async caughtUp(): Promise<boolean> {
    const { clock, config, limited, node } = this.#options;
    const deadlineMs = clock.monotonic() + config.tableCatchupTimeoutMs;
    const wake = new Wake(clock);
    this.#moved.push(wake);
    try {
      const ends = await this.#watermarks();
      while (!this.#passed(ends)) {
        if (this.#pausedBy !== null) throw new RetryError(`table ${node.topic} is paused: ${messageOf(this.#pausedBy)}`);
        const left = deadlineMs - clock.monotonic();
        if (left <= 0) {
          limited.warn(`catch-up ${node.topic}`, 'a batch goes on before its table has caught up: a transaction on the table is open', { table: node.topic });
          return false;
        }
        await wake.wait(left);
      }
      return true;
    } catch (error) {
      if (error instanceof RetryError) throw new RetryError(`the end of table ${node.topic} cannot be asked for`, { cause: error });
      throw error;
    } finally {
      this.#moved.splice(this.#moved.indexOf(wake), 1);
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#running, this.#reader.close(), this.#ends.close()]);
  }
}
