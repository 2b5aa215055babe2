import type { BatchOptions, SinkNode } from '../node.ts';
import type { Sink } from '../sinks.ts';
import type { Stream } from '../stream.ts';

/** The end of a pipe: what `topology` takes. */
export interface End {
  readonly sink: SinkNode;
}

export interface ToOptions {
  /** How records are gathered for one write. Default: at most 500 records, waiting at most 50 ms. */
  readonly batch?: Partial<BatchOptions>;
}

const defaultBatch: BatchOptions = { records: 500, waitMs: 50 };

/**
 * Ends a pipe in a sink. `name` is unique in its topology and names the stage of a sink outside Kafka: its consumer group, its
 * lag and its dead letters. The sink's callbacks get the stream's values and keys.
 */
export const to = <V, K>(name: string, sink: Sink<V, K>, options: ToOptions = {}): ((stream: Stream<V, K>) => End) =>
  (stream) => Object.freeze({
    sink: Object.freeze({ kind: 'sink', parent: stream.node, name, sink, batch: Object.freeze({ ...defaultBatch, ...options.batch }) }),
  });
