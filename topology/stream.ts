import type { Change, Codec, DebeziumCodec } from './codecs.ts';
import type { SourceCodec, StreamNode, TableNode } from './node.ts';

declare const carries: unique symbol;

/**
 * `T` as the stream, table or codec says it, never as a callback's parameter would have it: a callback of a wider type then
 * loses nothing. TypeScript's own `NoInfer` would stay on the parameter's type and keep it from being narrowed.
 */
export type Known<T> = [T][T extends unknown ? 0 : never];

/** A function from stream to stream: what `pipe` takes, and what a user's own operator is. */
export type Operator<V, K, W, L> = (stream: Stream<V, K>) => Stream<W, L>;

/**
 * Unbounded records with values `V` and keys `K`. A value: piping it makes new streams and leaves it as it is, so one
 * stream can be piped into any number of branches. Made by `stream(...)` and by operators.
 */
export class Stream<V, K> {
  declare readonly [carries]: readonly [value: V, key: K];
  /** The graph behind this stream, for planner and tools. */
  readonly node: StreamNode;

  constructor(node: StreamNode) {
    this.node = Object.freeze(node);
    Object.freeze(this);
  }

  /**
   * Applies up to twelve operators, left to right, and gives what the last one gives. `branch` and `to` end a pipe. For a
   * longer one, name a part of it: a user's own operator is `(stream) => stream.pipe(...)`.
   */
  pipe(): Stream<V, K>;
  pipe<A>(a: (stream: Stream<V, K>) => A): A;
  pipe<A, B>(a: (stream: Stream<V, K>) => A, b: (stream: A) => B): B;
  pipe<A, B, C>(a: (stream: Stream<V, K>) => A, b: (stream: A) => B, c: (stream: B) => C): C;
  pipe<A, B, C, D>(a: (stream: Stream<V, K>) => A, b: (stream: A) => B, c: (stream: B) => C, d: (stream: C) => D): D;
  pipe<A, B, C, D, E>(a: (stream: Stream<V, K>) => A, b: (stream: A) => B, c: (stream: B) => C, d: (stream: C) => D, e: (stream: D) => E): E;
  pipe<A, B, C, D, E, F>(
    a: (stream: Stream<V, K>) => A, b: (stream: A) => B, c: (stream: B) => C, d: (stream: C) => D, e: (stream: D) => E, f: (stream: E) => F,
  ): F;
  pipe<A, B, C, D, E, F, G>(
    a: (stream: Stream<V, K>) => A, b: (stream: A) => B, c: (stream: B) => C, d: (stream: C) => D, e: (stream: D) => E, f: (stream: E) => F,
    g: (stream: F) => G,
  ): G;
  pipe<A, B, C, D, E, F, G, H>(
    a: (stream: Stream<V, K>) => A, b: (stream: A) => B, c: (stream: B) => C, d: (stream: C) => D, e: (stream: D) => E, f: (stream: E) => F,
    g: (stream: F) => G, h: (stream: G) => H,
  ): H;
  pipe<A, B, C, D, E, F, G, H, I>(
    a: (stream: Stream<V, K>) => A, b: (stream: A) => B, c: (stream: B) => C, d: (stream: C) => D, e: (stream: D) => E, f: (stream: E) => F,
    g: (stream: F) => G, h: (stream: G) => H, i: (stream: H) => I,
  ): I;
  pipe<A, B, C, D, E, F, G, H, I, J>(
    a: (stream: Stream<V, K>) => A, b: (stream: A) => B, c: (stream: B) => C, d: (stream: C) => D, e: (stream: D) => E, f: (stream: E) => F,
    g: (stream: F) => G, h: (stream: G) => H, i: (stream: H) => I, j: (stream: I) => J,
  ): J;
  pipe<A, B, C, D, E, F, G, H, I, J, L>(
    a: (stream: Stream<V, K>) => A, b: (stream: A) => B, c: (stream: B) => C, d: (stream: C) => D, e: (stream: D) => E, f: (stream: E) => F,
    g: (stream: F) => G, h: (stream: G) => H, i: (stream: H) => I, j: (stream: I) => J, k: (stream: J) => L,
  ): L;
  pipe<A, B, C, D, E, F, G, H, I, J, L, M>(
    a: (stream: Stream<V, K>) => A, b: (stream: A) => B, c: (stream: B) => C, d: (stream: C) => D, e: (stream: D) => E, f: (stream: E) => F,
    g: (stream: F) => G, h: (stream: G) => H, i: (stream: H) => I, j: (stream: I) => J, k: (stream: J) => L, l: (stream: L) => M,
  ): M;
  pipe(...operators: readonly ((input: never) => unknown)[]): unknown {
    return operators.reduce<unknown>((input, operator) => operator(input as never), this);
  }
}

/** The latest value `T` per key `K` of a compacted topic. Every worker has it whole, so it is joined by any field. */
export class Table<T, K> {
  declare readonly [carries]: readonly [row: T, key: K];
  /** What planner and tools see of this table. */
  readonly node: TableNode;

  constructor(node: TableNode) {
    this.node = Object.freeze(node);
    Object.freeze(this);
  }
}

/**
 * The records of a topic as a stream. A `debezium` topic gives `Change<Row>`, any other what its codec carries. What the
 * producer wrote as key is text or a JSON tree to us, of no known type: `keyBy` gives one.
 */
export function stream<Row>(topic: string, codec: DebeziumCodec<Row>): Stream<Change<Row>, unknown>;
export function stream<T>(topic: string, codec: Codec<T>): Stream<T, unknown>;
export function stream(topic: string, codec: SourceCodec): Stream<unknown, unknown> {
  return new Stream({ kind: 'source', topic, codec });
}

/** What a table is looked up by. That it names a tuple makes TypeScript read `[a, b]` in a join as one. */
export type Lookup = string | number | bigint | boolean | object | readonly [unknown] | null | undefined;

/** The key of a row: one column gives its scalar value, several give a tuple in the order named. */
export type KeyOf<Row, P extends keyof Row | readonly (keyof Row)[]> =
  P extends readonly (keyof Row)[] ? { readonly [I in keyof P]: Row[P[I] & keyof Row] } : P extends keyof Row ? Row[P] : never;

/**
 * A compacted topic as a table. `key` names the column(s) of the key on the topic: those of the primary key, or of the connector's `message.key.columns`. Rows of a `debezium` topic under
 * another key are unreadable. A `debezium` topic is the table of its rows: deletes and tombstones take a row away, a truncate all of them.
 *
 * **A table with wide columns (text, json, bytea, numeric, arrays of more than 2 kB) needs `ALTER TABLE ... REPLICA IDENTITY FULL`.** Without it PostgreSQL does not send a large value that an update
 * did not touch (TOAST). It is taken from the row before, but there is none after an update of the primary key, nor in a worker that starts when compaction has left only such an update:
 * the column then reads null, logged and counted (`millrace_table_values_unavailable_total`), and a row with such a column that the schema does not let be null is unreadable.
 *
 * A record that cannot be read is logged and counted (`millrace_table_unreadable_total`); the table goes on with what it had for its key. One whose schema cannot be read pauses the table.
 */
export const table = <Row, const P extends (keyof Row & string) | readonly (keyof Row & string)[]>(
  topic: string,
  codec: DebeziumCodec<Row> | Codec<Row>,
  options: { readonly key: P },
): Table<Row, KeyOf<Row, P>> => new Table({ kind: 'table', topic, codec, key: typeof options.key === 'string' ? options.key : Object.freeze([...options.key]) });
