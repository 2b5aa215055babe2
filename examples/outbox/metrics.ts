import { divide } from '../engagement/metrics.ts';

export interface Metrics {
  /** Seconds with three decimals, '12.345'. */
  readonly seconds: string | null;
  /** Share of the content's length with four decimals: '0.9950' is 99.5 per cent, '1.0200' is more than all of it. */
  readonly ratio: string | null;
}

/** Exact, as PostgreSQL's `numeric` has it. Null without a duration or with a negative one; the ratio also without a length. */
export const metricsOf = (durationMs: number | null, lengthSeconds: number | null): Metrics => {
  if (durationMs === null || durationMs < 0) return { seconds: null, ratio: null };
  const duration = BigInt(durationMs);
  return {
    seconds: divide(duration, 1_000n, 3),
    ratio: lengthSeconds === null || lengthSeconds <= 0 ? null : divide(duration, 1_000n * BigInt(lengthSeconds), 4),
  };
};
