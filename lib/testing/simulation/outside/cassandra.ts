import type { CassandraSink } from '../../../../topology/sinks.ts';
import { RetryError } from '../../../core/errors.ts';
import type { Network } from '../../../kafka/memory/index.ts';
import { Statements } from '../../../sinks/cassandra/statements.ts';
import type { SinkDriver, SinkRecord, WriteResult } from '../../../sinks/contract.ts';
import { Outcome, refusalOf, untilAborted } from '../../../sinks/outcome.ts';

const textOf = (params: readonly unknown[]): string => JSON.stringify(params, (_, value: unknown) => (typeof value === 'object' && value !== null && 'toString' in value && !Array.isArray(value) ? String(value) : value));

/** What a record does to its row. */
export interface RowWrite {
  /** The primary key. */
  readonly id: string;
  readonly writtenAt: bigint;
  /** Values of the row; of a deletion that it is one. */
  readonly text: string;
}

const KEY = (sink: CassandraSink): number => sink.partitionKey.length + sink.clusteringKey.length;

/** Throws what the sink's callbacks throw, and what its columns cannot take. */
export const cassandraWrite = (sink: CassandraSink, record: SinkRecord): RowWrite => {
  const { query, params } = new Statements(sink).write(record, 0);
  const deleted = query.startsWith('DELETE');
  const [at, key, rest] = deleted ? [params[0], params.slice(1), 'deleted'] : [params.at(-1), params.slice(0, KEY(sink)), textOf(params.slice(KEY(sink), -1))];
  return { id: textOf(key), writtenAt: BigInt(String(at)), text: rest };
};

/** Of two writes to a row the higher timestamp holds; of two with the same one, a deletion or else the larger value. */
const wins = (a: RowWrite, b: RowWrite): boolean => a.writtenAt > b.writtenAt || (a.writtenAt === b.writtenAt && b.text !== 'deleted' && (a.text === 'deleted' || a.text > b.text));

/** A table in which the last write by timestamp holds, whatever the order of arrival. */
export class SimulatedCassandra {
  readonly #rows = new Map<string, RowWrite>();
  readonly #isDown: () => boolean;

  constructor(isDown: () => boolean) {
    this.#isDown = isDown;
  }

  apply(writes: readonly RowWrite[]): void {
    if (this.#isDown()) throw new RetryError('Cassandra is down');
    for (const write of writes) {
      const there = this.#rows.get(write.id);
      if (there === undefined || wins(write, there)) this.#rows.set(write.id, write);
    }
  }

  get rows(): ReadonlyMap<string, RowWrite> {
    return this.#rows;
  }

  /** What is wrong with the table when these writes were made to it, among others. */
  difference(write: RowWrite): string | null {
    const there = this.#rows.get(write.id);
    if (there !== undefined && !wins(write, there)) return null;
    return `Cassandra has ${there?.text ?? 'nothing'} for ${write.id}, it should have ${write.text} or later`;
  }
}

export const cassandraDriver = (sink: CassandraSink, table: SimulatedCassandra, network: Network): SinkDriver => {
  const write = async (batch: readonly SinkRecord[], signal: AbortSignal): Promise<WriteResult> => {
    const outcome = new Outcome();
    const writes: RowWrite[] = [];
    batch.forEach((record, index) => {
      try {
        writes.push(cassandraWrite(sink, record));
      } catch (thrown) {
        outcome.refuse(index, refusalOf(thrown, 'key, set or writtenAtUs'), 'writer');
      }
    });
    await untilAborted(network.call('sink cassandra', () => table.apply(writes)), signal);
    return outcome.result();
  };
  return {
    open: () => network.call('sink cassandra', () => undefined),
    writer: ({ partitions }) => Promise.resolve({ positions: () => Promise.resolve(partitions.map(() => null)), write, close: () => Promise.resolve() }),
    health: () => network.call('sink cassandra', () => undefined),
    close: () => Promise.resolve(),
  };
};
