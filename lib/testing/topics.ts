import type { Headers } from '../../topology/meta.ts';

/** A record on a topic of the driver, decoded as a reader would have it. */
export interface DrivenRecord<V = unknown> {
  readonly key: unknown;
  readonly value: V;
  /** Event time, ms. */
  readonly timestamp: number;
  readonly offset: number;
}

/** A record that reached an outside sink. */
export interface SunkRecord<V = unknown> {
  readonly key: unknown;
  readonly value: V;
  readonly timestamp: number;
  /** What the sink's own callbacks make of it: a Redis command, a BigQuery row and id, a request's body and key. */
  readonly write: unknown;
}

/** A record that went to a dead-letter topic. */
export interface DrivenDeadLetter {
  readonly stage: string;
  readonly topic: string;
  readonly offset: number;
  readonly node: string | null;
  readonly rule: string | null;
  readonly error: Error;
  readonly value: unknown;
}

/** What waits on a topic: values as the next stage will see them. */
export interface Waiting {
  readonly key: unknown;
  readonly value: unknown;
  readonly timestamp: number;
  readonly headers: Headers;
  readonly offset: number;
}
