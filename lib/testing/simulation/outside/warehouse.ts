import type { BigQuerySink } from '../../../../topology/sinks.ts';
import { RetryError } from '../../../core/errors.ts';
import type { Network } from '../../../kafka/memory/index.ts';
import type { SinkDriver, SinkRecord, WriteResult } from '../../../sinks/contract.ts';
import { Outcome, refusalOf, untilAborted } from '../../../sinks/outcome.ts';

const textOf = (row: unknown): string => JSON.stringify(row, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));

export interface WarehouseRow {
  readonly id: string;
  readonly text: string;
}

/** The row of a record. Throws what the sink's callbacks throw. */
export const warehouseRow = (sink: BigQuerySink, record: SinkRecord): WarehouseRow => ({
  id: String(sink.id(record.value as never, record as never)),
  text: textOf(sink.row(record.value as never, record as never)),
});

/** A table that takes every row it is given; rows are told apart by their ids, as the sink promises no more. */
export class SimulatedWarehouse {
  readonly #rows = new Map<string, string>();
  readonly #isDown: () => boolean;

  constructor(isDown: () => boolean) {
    this.#isDown = isDown;
  }

  insert(rows: readonly WarehouseRow[]): void {
    if (this.#isDown()) throw new RetryError('the warehouse is down');
    for (const { id, text } of rows) this.#rows.set(id, text);
  }

  get rows(): ReadonlyMap<string, string> {
    return this.#rows;
  }
}

export const warehouseDriver = (sink: BigQuerySink, warehouse: SimulatedWarehouse, network: Network): SinkDriver => {
  const write = async (batch: readonly SinkRecord[], signal: AbortSignal): Promise<WriteResult> => {
    const outcome = new Outcome();
    const rows: WarehouseRow[] = [];
    batch.forEach((record, index) => {
      try {
        rows.push(warehouseRow(sink, record));
      } catch (thrown) {
        outcome.refuse(index, refusalOf(thrown, 'row or id'), 'writer');
      }
    });
    await untilAborted(network.call('sink bigquery', () => warehouse.insert(rows)), signal);
    return outcome.result();
  };
  return {
    open: () => network.call('sink bigquery', () => undefined),
    writer: ({ partitions }) => Promise.resolve({ positions: () => Promise.resolve(partitions.map(() => null)), write, close: () => Promise.resolve() }),
    health: () => network.call('sink bigquery', () => undefined),
    close: () => Promise.resolve(),
  };
};
