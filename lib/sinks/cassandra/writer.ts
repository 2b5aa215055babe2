import type { Client } from 'cassandra-driver';
import { DeadLetterError, messageOf, RetryError } from '../../core/errors.ts';
import type { CassandraSink } from '../../../topology/sinks.ts';
import type { Effort, SinkContext, SinkRecord, SinkTask, SinkWriter, WriteResult } from '../contract.ts';
import { Outcome, refusalOf, stopped, untilAborted, within } from '../outcome.ts';
import { cassandraError, isInvalid, isUnprepared } from './errors.ts';
import { Statements, type Write } from './statements.ts';

/** Rows of one partition that go together; a partition's batch is one mutation, with a mutation's bound on bytes. */
const BATCH_ROWS = 100;
const BATCH_BYTES = 1_000_000;

/** What is used of a session. */
export type CassandraCalls = Pick<Client, 'batch' | 'execute'>;

/** What the requests of one write share. */
interface Progress {
  readonly outcome: Outcome;
  readonly signal: AbortSignal;
  /** On the clock's monotonic scale. */
  readonly endsAt: number;
  /** Why the rest is not tried. */
  halted: RetryError | null;
  /** The table, looked at after a refusal. */
  table: Promise<void> | null;
}

/** Rows by partition, in the batch's order, cut by number and bytes. */
const inBatches = (writes: readonly Write[]): Write[][] => {
  const batches: Write[][] = [];
  const open = new Map<string, { readonly batch: Write[]; bytes: number }>();
  for (const write of writes) {
    let current = open.get(write.partition);
    if (current === undefined || current.batch.length >= BATCH_ROWS || current.bytes + write.bytes > BATCH_BYTES) {
      current = { batch: [], bytes: 0 };
      open.set(write.partition, current);
      batches.push(current.batch);
    }
    current.batch.push(write);
    current.bytes += write.bytes;
  }
  return batches;
};

/** The order of requests does not matter: of two writes to a row the one with the higher timestamp holds, whichever arrives last. */
export class CassandraWriter implements SinkWriter {
  readonly #sink: CassandraSink;
  readonly #client: CassandraCalls;
  readonly #context: SinkContext;
  readonly #task: SinkTask;
  readonly #checkTable: () => Promise<void>;
  readonly #statements: Statements;

  constructor(sink: CassandraSink, client: CassandraCalls, context: SinkContext, task: SinkTask, checkTable: () => Promise<void>) {
    this.#sink = sink;
    this.#client = client;
    this.#context = context;
    this.#task = task;
    this.#checkTable = checkTable;
    this.#statements = new Statements(sink);
  }

  async positions(): Promise<readonly null[]> {
    return Promise.resolve(this.#task.partitions.map(() => null));
  }

  async write(batch: readonly SinkRecord[], signal: AbortSignal, effort: Effort = 'full'): Promise<WriteResult> {
    const outcome = new Outcome();
    const { clock, timeoutMs } = this.#context;
    const progress: Progress = { outcome, signal, endsAt: clock.monotonic() + timeoutMs, halted: null, table: null };
    const batches = inBatches(this.#encode(batch, outcome)).values();
    const lanes = Array.from({ length: effort === 'probe' ? 1 : this.#sink.concurrency }, async () => {
      for (const rows of batches) await this.#deliver(rows, progress);
    });
    await Promise.all(lanes);
    return outcome.result();
  }

  async close(): Promise<void> {
    return Promise.resolve();
  }

  #encode(batch: readonly SinkRecord[], outcome: Outcome): Write[] {
    const writes: Write[] = [];
    for (let index = 0; index < batch.length; index += 1) {
      try {
        writes.push(this.#statements.write(batch[index]!, index));
      } catch (thrown) {
        outcome.refuse(index, refusalOf(thrown, 'key, set or writtenAtUs'), 'writer');
      }
    }
    return writes;
  }

  /** After a fault of the server nothing more is tried: the runtime waits, and its breaker decides. */
  async #deliver(rows: readonly Write[], progress: Progress): Promise<void> {
    try {
      if (progress.halted !== null) throw progress.halted;
      if (progress.signal.aborted) throw stopped();
      await this.#send(rows, progress);
    } catch (thrown) {
      if (isInvalid(thrown)) return this.#refused(rows, thrown, progress);
      if (isUnprepared(thrown)) await this.#lookAtTable(progress);
      const error = thrown instanceof RetryError ? thrown : cassandraError(thrown, `a write to ${this.#sink.table}`);
      if (!(error instanceof RetryError)) throw error;
      progress.halted ??= error;
      for (const { index } of rows) progress.outcome.retry(index, error);
    }
  }

  async #send(rows: readonly Write[], { signal, endsAt }: Progress): Promise<void> {
    const { clock } = this.#context;
    const [only] = rows;
    const call = rows.length === 1
      ? this.#client.execute(only!.query, [...only!.params])
      : this.#client.batch(rows.map(({ query, params }) => ({ query, params: [...params] })), { logged: false });
    await untilAborted(within(call, endsAt - clock.monotonic(), clock, 'a write'), signal);
  }

  /** Once in a write. Rejects with `StopError` when the table is to blame. */
  async #lookAtTable(progress: Progress): Promise<void> {
    progress.table ??= this.#checkTable();
    try {
      await progress.table;
    } catch (problem) {
      if (!(problem instanceof RetryError)) throw problem;
      progress.halted ??= problem;
    }
  }

  /** Unless the table is to blame, a batch that is refused is cut in two until the row stands alone that made it so. */
  async #refused(rows: readonly Write[], thrown: unknown, progress: Progress): Promise<void> {
    await this.#lookAtTable(progress);
    if (rows.length === 1 && progress.halted === null) {
      progress.outcome.refuse(rows[0]!.index, new DeadLetterError(`Cassandra refuses this row: ${messageOf(thrown)}`, { cause: thrown }), 'system');
      return;
    }
    const middle = Math.ceil(rows.length / 2);
    await this.#deliver(rows.slice(0, middle), progress);
    if (middle < rows.length) await this.#deliver(rows.slice(middle), progress);
  }
}
