/** Arithmetic on what was measured. */

const sorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

/** The least value that at least `share` (0 to 1) of the values do not pass; NaN of none. */
export const percentile = (values: readonly number[], share: number): number => {
  const ordered = sorted(values);
  return ordered[Math.max(0, Math.ceil(ordered.length * share) - 1)] ?? NaN;
};

/** The middle value, or the mean of the two in the middle; NaN of none. */
export const median = (values: readonly number[]): number => {
  const ordered = sorted(values);
  const middle = ordered.length / 2;
  return Number.isInteger(middle) ? (ordered[middle - 1]! + ordered[middle]!) / 2 : ordered[Math.floor(middle)]!;
};

export const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

export interface Sample {
  /** Seconds from any start. */
  readonly at: number;
  readonly value: number;
}

/** By how much the values grow in a second: the slope of the straight line with the least squares; 0 of fewer than two. */
export const slope = (samples: readonly Sample[]): number => {
  const at = mean(samples.map((s) => s.at));
  const value = mean(samples.map((s) => s.value));
  const spread = samples.reduce((sum, s) => sum + (s.at - at) ** 2, 0);
  return spread > 0 ? samples.reduce((sum, s) => sum + (s.at - at) * (s.value - value), 0) / spread : 0;
};
