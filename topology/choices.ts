/** How a stream wants values that TypeScript has more than one type for, and what the row's type becomes by that. */

declare const meaning: unique symbol;

/** Exact decimal text, such as '12.50'. Any text can be assigned to it; what sets it apart is that `decimal: 'number'` makes it a number. */
export type Decimal = string & { readonly [meaning]?: 'decimal' };

/** A date, a time of day or a time stamp as a count of its column's unit (days, ms, us). What sets it apart from other numbers is that `time: 'text'` makes it text. */
export type TimeUnits<N extends number | bigint> = N & { readonly [meaning]?: 'time' };

/** How int64 reads: exactly as `bigint`, or as a `number` where a value beyond 2^53 - 1 is an error that names the column. */
export type Int64 = 'bigint' | 'number';

/** How decimals read: exactly as text, or as a `number` where a value that no number holds (too many digits, too large) is an error that names the column. */
export type DecimalAs = 'string' | 'number';

/**
 * How dates, times and time stamps without zone read: as a count of the column's unit ('units': days, ms or us, as Debezium sends them), or as ISO 8601 text with as
 * many digits of a second as there are ('text': '2026-01-02', '03:04:05.5', '2026-01-02T03:04:05.123456', 'infinity'). Time stamps with zone are text in any case.
 */
export type TimeAs = 'units' | 'text';

export interface ReadChoices<I extends Int64, D extends DecimalAs, M extends TimeAs> {
  /** Default 'bigint'. */
  readonly int64?: I;
  /** Default 'string'. */
  readonly decimal?: D;
  /** Default 'units'. */
  readonly time?: M;
}

/** `T` as it is read under these choices. */
export type Read<T, I extends Int64, D extends DecimalAs = 'string', M extends TimeAs = 'units'> =
  [I, D, M] extends ['bigint', 'string', 'units'] ? T : Chosen<T, I, D, M>;

type Chosen<T, I extends Int64, D extends DecimalAs, M extends TimeAs> = T extends unknown ? ChosenOne<T, I, D, M> : never;

type ChosenOne<T, I extends Int64, D extends DecimalAs, M extends TimeAs> =
  typeof meaning extends keyof T
    ? NonNullable<T[typeof meaning]> extends 'decimal'
      ? D extends 'number' ? number : T
      : M extends 'text' ? string : Int64As<T, I>
    : T extends string | number | bigint | boolean | null | undefined | Uint8Array
      ? Int64As<T, I>
      : { readonly [P in keyof T]: Chosen<T[P], I, D, M> };

type Int64As<T, I extends Int64> = T extends bigint ? (I extends 'number' ? number : T) : T;

/** `T` with every bigint a number. */
export type WithNumbers<T> = Read<T, 'number'>;
