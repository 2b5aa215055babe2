import type { Meta } from '../meta.ts';
import type { BigQuerySink, BigQueryType } from '../sinks.ts';

export type BigQueryColumns = Readonly<Record<string, BigQueryType>>;

/**
 * What a column takes. Every column is nullable. TIMESTAMP: text as BigQuery reads it, or a number of ms since the epoch;
 * NUMERIC: exact decimal text, or a number; JSON: its text; BYTES: base64.
 */
export interface BigQueryValues {
  readonly STRING: string;
  readonly INT64: number | bigint;
  readonly FLOAT64: number;
  readonly NUMERIC: string | number | bigint;
  readonly BIGNUMERIC: string | number | bigint;
  readonly BOOL: boolean;
  readonly TIMESTAMP: string | number;
  readonly DATE: string;
  readonly DATETIME: string;
  readonly TIME: string;
  readonly JSON: string;
  readonly BYTES: string;
}

export type BigQueryRowOf<C extends BigQueryColumns> = { readonly [Column in keyof C]: BigQueryValues[C[Column]] | null };

type ColumnsOf<C extends BigQueryColumns, T extends BigQueryType> = { [Column in keyof C]: C[Column] extends T ? Column : never }[keyof C] & string;

/** A property that is not a column. */
type Foreign<R, C> = { readonly [P in Exclude<keyof R, keyof C>]: never };

export interface BigQueryOptions<V, K, C extends BigQueryColumns, R extends BigQueryRowOf<C>> {
  /** `dataset.table` (project: `MILLRACE_BIGQUERY_PROJECT`) or `project.dataset.table`. Created when it is absent. */
  readonly table: string;
  /** Name and type of every column. A column added later is added to the table; a changed type stops the worker. */
  readonly columns: C;
  /** Exactly the columns: one missing or one too many does not compile. */
  readonly row: (value: V, meta: Meta<K>) => R & Foreign<R, C>;
  /** Names the row: BigQuery drops a second row of the same id for about a minute, as best it can. */
  readonly id: (value: V, meta: Meta<K>) => string | number | bigint;
  /** Default: not partitioned. */
  readonly partitionBy?: { readonly column: ColumnsOf<C, 'TIMESTAMP' | 'DATE' | 'DATETIME'>; readonly unit: 'HOUR' | 'DAY' | 'MONTH' };
  /** At most four columns. Default: not clustered. */
  readonly clusterBy?: readonly (keyof C & string)[];
}

/** Appends a row per record. At least once; repeated rows are dropped by their id for about a minute. */
export const bigquery = <V, K, const C extends BigQueryColumns, R extends BigQueryRowOf<C>>(options: BigQueryOptions<V, K, C, R>): BigQuerySink<V, K> => ({
  kind: 'bigquery',
  table: options.table,
  columns: options.columns,
  partitionBy: options.partitionBy ?? null,
  clusterBy: options.clusterBy ?? [],
  row: options.row,
  id: options.id,
});
