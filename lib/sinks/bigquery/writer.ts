import type { Table } from '@google-cloud/bigquery';
import { DeadLetterError, RetryError } from '../../core/errors.ts';
import type { BigQuerySink } from '../../../topology/sinks.ts';
import type { SinkContext, SinkRecord, SinkTask, SinkWriter, WriteResult } from '../contract.ts';
import { Outcome, refusalOf, stopped, untilAborted, within } from '../outcome.ts';
import { bigqueryError, isPassingReason, statusOf } from './errors.ts';
import { encodeRow, insertIdOf } from './rows.ts';

/** BigQuery takes requests of up to 10 MB, and recommends at most 500 rows in each. */
const REQUEST_ROWS = 500;
const REQUEST_BYTES = 9_000_000;
/** Each round of a request takes out the rows that BigQuery refused in the one before. */
const ROUNDS = 4;

interface Row {
  readonly index: number;
  readonly json: string;
  readonly bytes: number;
}

interface InsertError {
  readonly index: number;
  readonly errors?: readonly { readonly reason?: string; readonly message?: string; readonly location?: string }[];
}

/** When a write has to end: told to, or out of time. */
interface Limits {
  readonly signal: AbortSignal;
  /** On the clock's monotonic scale. */
  readonly endsAt: number;
}

/** The table as the writer needs it: made ready again after it was found missing or behind. */
export interface TableState {
  open(): Promise<void>;
  forget(): void;
}

export class BigQueryWriter implements SinkWriter {
  readonly #sink: BigQuerySink;
  readonly #table: Table;
  readonly #context: SinkContext;
  readonly #task: SinkTask;
  readonly #state: TableState;

  constructor(sink: BigQuerySink, table: Table, context: SinkContext, task: SinkTask, state: TableState) {
    this.#task = task;
    this.#sink = sink;
    this.#table = table;
    this.#context = context;
    this.#state = state;
  }

  async positions(): Promise<readonly null[]> {
    return Promise.resolve(this.#task.partitions.map(() => null));
  }

  async write(batch: readonly SinkRecord[], signal: AbortSignal): Promise<WriteResult> {
    const outcome = new Outcome();
    const requests = this.#requests(batch, outcome);
    const { clock, timeoutMs } = this.#context;
    const limits: Limits = { signal, endsAt: clock.monotonic() + timeoutMs };
    for (let r = 0; r < requests.length; r += 1) {
      const rest = requests.slice(r);
      try {
        if (signal.aborted) throw stopped();
        await untilAborted(this.#state.open(), signal);
        await this.#insert(requests[r]!, outcome, limits);
      } catch (thrown) {
        if (!(thrown instanceof RequestFailure) && !(thrown instanceof RetryError)) throw thrown;
        const { error, rows } = thrown instanceof RequestFailure ? thrown : { error: thrown, rows: rest[0]! };
        for (const row of [...rows, ...rest.slice(1).flat()]) outcome.retry(row.index, error);
        break;
      }
    }
    return outcome.result();
  }

  async close(): Promise<void> {
    return Promise.resolve();
  }

  /** Rows cut into requests by number and bytes. */
  #requests(batch: readonly SinkRecord[], outcome: Outcome): Row[][] {
    const requests: Row[][] = [];
    let current: Row[] = [];
    let bytes = 0;
    for (let index = 0; index < batch.length; index += 1) {
      const row = this.#row(batch[index]!, index, outcome);
      if (row === null) continue;
      if (current.length === 0 || current.length >= REQUEST_ROWS || bytes + row.bytes > REQUEST_BYTES) {
        current = [];
        bytes = 0;
        requests.push(current);
      }
      current.push(row);
      bytes += row.bytes;
    }
    return requests;
  }

  #row(record: SinkRecord, index: number, outcome: Outcome): Row | null {
    try {
      const id = insertIdOf(this.#sink.id(record.value as never, record as never));
      const json = encodeRow(this.#sink.columns, this.#sink.row(record.value as never, record as never), id);
      const bytes = Buffer.byteLength(json) + 1;
      if (bytes > REQUEST_BYTES) throw new DeadLetterError(`The row has ${bytes} bytes; BigQuery takes at most ${REQUEST_BYTES}`);
      return { index, json, bytes };
    } catch (thrown) {
      outcome.refuse(index, refusalOf(thrown, 'row or id'), 'writer');
      return null;
    }
  }

  /** One request; what BigQuery held back because of a refused sibling is sent again without it. Throws `RequestFailure` with the rows not written. */
  async #insert(rows: readonly Row[], outcome: Outcome, limits: Limits): Promise<void> {
    let pending = rows;
    for (let round = 0; pending.length > 0; round += 1) {
      if (round === ROUNDS) throw new RequestFailure(new RetryError('BigQuery refused other rows in each round'), pending);
      let problems: readonly InsertError[];
      try {
        problems = await this.#send(pending, limits);
      } catch (thrown) {
        if (thrown instanceof RetryError) throw new RequestFailure(thrown, pending);
        const status = statusOf(thrown);
        if (status === 400 || status === 413) return this.#halve(pending, thrown, outcome, limits);
        throw this.#failure(thrown, pending);
      }
      pending = this.#sort(pending, problems, outcome);
    }
  }

  async #send(rows: readonly Row[], { signal, endsAt }: Limits): Promise<readonly InsertError[]> {
    const { clock } = this.#context;
    const call = this.#table.request({
      method: 'POST',
      uri: '/insertAll',
      headers: { 'content-type': 'application/json' },
      body: `{"rows":[${rows.map(({ json }) => json).join(',')}]}`,
    } as never) as unknown as Promise<readonly [{ readonly insertErrors?: readonly InsertError[] } | undefined]>;
    const [response] = await untilAborted(within(call, endsAt - clock.monotonic(), clock, 'an insert'), signal);
    return response?.insertErrors ?? [];
  }

  /** A request that is refused as a whole is cut in two until the row stands alone that made it so. */
  async #halve(rows: readonly Row[], thrown: unknown, outcome: Outcome, limits: Limits): Promise<void> {
    if (rows.length === 1) {
      outcome.refuse(rows[0]!.index, new DeadLetterError(`BigQuery refuses this row: ${bigqueryError(thrown, 'an insert').message}`, { cause: thrown }), 'system');
      return;
    }
    const middle = Math.ceil(rows.length / 2);
    const behind = rows.slice(middle);
    try {
      await this.#insert(rows.slice(0, middle), outcome, limits);
    } catch (failure) {
      throw failure instanceof RequestFailure ? new RequestFailure(failure.error, [...failure.rows, ...behind]) : failure;
    }
    await this.#insert(behind, outcome, limits);
  }

  #failure(thrown: unknown, rows: readonly Row[]): Error {
    if (statusOf(thrown) === 404) {
      this.#state.forget();
      return new RequestFailure(new RetryError(`BigQuery has no table ${this.#sink.table}; it is made again`, { cause: thrown }), rows);
    }
    const error = bigqueryError(thrown, `an insert into ${this.#sink.table}`);
    return error instanceof RetryError ? new RequestFailure(error, rows) : error;
  }

  /** Refuses the rows that BigQuery names; gives those that it only held back. */
  #sort(rows: readonly Row[], problems: readonly InsertError[], outcome: Outcome): readonly Row[] {
    const heldBack: Row[] = [];
    let refused = 0;
    for (const { index, errors = [] } of problems) {
      const row = rows[index]!;
      const [own] = errors.filter(({ reason }) => reason !== 'stopped');
      if (own === undefined) {
        heldBack.push(row);
        continue;
      }
      if (isPassingReason(own.reason ?? '') || this.#isBehind(own.message ?? '')) {
        this.#state.forget();
        throw new RequestFailure(new RetryError(`BigQuery cannot take rows now: ${own.reason}: ${own.message}`), remaining(rows, problems, outcome));
      }
      refused += 1;
      outcome.refuse(row.index, new DeadLetterError(`BigQuery refuses this row: ${own.reason}${own.location ? ` at ${own.location}` : ''}: ${own.message}`), 'system');
    }
    if (heldBack.length > 0 && refused === 0) throw new RequestFailure(new RetryError('BigQuery held rows back without naming a bad one'), heldBack);
    return heldBack;
  }

  /** A table that has just got a column does not know it at once. */
  #isBehind(message: string): boolean {
    const column = /^no such field: ([^.]+)\.?$/i.exec(message.trim())?.[1];
    return column !== undefined && Object.hasOwn(this.#sink.columns, column);
  }
}

/** The rows of a request that named problems, less those already refused. */
const remaining = (rows: readonly Row[], problems: readonly InsertError[], outcome: Outcome): readonly Row[] =>
  problems.map(({ index }) => rows[index]!).filter((row) => !outcome.hasRefused(row.index));

/** Why a request failed, and which of its rows are not written. */
class RequestFailure extends Error {
  readonly error: RetryError;
  readonly rows: readonly Row[];

  constructor(error: RetryError, rows: readonly Row[]) {
    super(error.message, { cause: error });
    this.error = error;
    this.rows = rows;
  }
}
