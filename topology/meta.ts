/** A key as it can stand on an internal topic: text, a number, a boolean, or a JSON tree of them. A bigint is made text first: `String(id)`. */
export type Key = string | number | boolean | null | readonly Key[] | { readonly [name: string]: Key };

/** Names and values of a record's headers, as bytes. */
export type Headers = readonly (readonly [name: string, value: Uint8Array | null])[];

/**
 * What callbacks learn about a record besides its value. One object is reused for every record of a task: it is valid
 * during the call; copy the fields that are to outlive it.
 */
export interface Meta<K = unknown> {
  readonly key: K;
  /** Event time, ms since the epoch. */
  readonly timestamp: number;
  readonly headers: Headers;
  /** Where the record was read by the stage that runs now. */
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Processing time from the runtime's clock, ms since the epoch: the topology itself has no clock. */
  readonly now: number;
}
