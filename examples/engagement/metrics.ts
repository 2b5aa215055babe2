/**
 * Exact decimals as text: what PostgreSQL's `numeric` gives for the same sum, to the last digit. Binary floating point
 * rounds about one row in 6,000 the other way, so everything here is whole numbers.
 */

/** `numerator / denominator` rounded to `digits` decimals, halves away from zero. The denominator is above 0. */
export const divide = (numerator: bigint, denominator: bigint, digits: number): string => {
  const negative = numerator < 0n;
  const scaled = (negative ? -numerator : numerator) * 10n ** BigInt(digits);
  const rounded = (2n * scaled + denominator) / (2n * denominator);
  const text = String(rounded).padStart(digits + 1, '0');
  const sign = negative && rounded !== 0n ? '-' : '';
  return digits === 0 ? `${sign}${text}` : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
};

export interface Metrics {
  /** Seconds with three decimals, '12.345'. */
  readonly seconds: string | null;
  /** Per cent of the content's length with two decimals, '99.50'. */
  readonly percent: string | null;
}

const NOTHING: Metrics = { seconds: null, percent: null };

/** Time engaged and its share of the content's length; both null when an input is null or the length is 0. */
export const metricsOf = (durationMs: number | bigint | null, lengthSeconds: number | bigint | null): Metrics => {
  if (durationMs === null || lengthSeconds === null) return NOTHING;
  const duration = BigInt(durationMs);
  const length = BigInt(lengthSeconds);
  if (length <= 0n) return NOTHING;
  return { seconds: divide(duration, 1000n, 3), percent: divide(duration, 10n * length, 2) };
};
