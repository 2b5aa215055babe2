/** How much each part measures. */
export interface Sizes {
  readonly events: number;
  readonly rounds: number;
  readonly workers: number;
  readonly latencyRate: number;
  readonly latencyRuns: readonly { readonly commitIntervalMs: number; readonly warmUpS: number; readonly seconds: number }[];
  readonly holdRate: number;
  readonly holdS: number;
  readonly firstRate: number;
  readonly stepS: number;
  readonly joinPairs: number;
  /** Pairs a second. */
  readonly joinRate: number;
  /** Records of each run with and without transactions, and how often each is run. */
  readonly commitRecords: number;
  readonly commitRounds: number;
  readonly restoreKeys: number;
  readonly restoreRounds: number;
  /** Of history into Redis, and of its end into BigQuery's emulator; how long live traffic is timed alone. */
  readonly backfillRecords: number;
  readonly backfillRows: number;
  readonly backfillS: number;
  /** What the parts on the live stack take, so that the engine leaves it to them. */
  readonly liveMs: number;
}

/** The first is the default of `commitIntervalMs`. */
const intervals = [100, 20, 50, 200];

const full: Sizes = {
  events: 500_500,
  rounds: 3,
  workers: 2,
  latencyRate: 1_000,
  latencyRuns: intervals.map((commitIntervalMs, i) => (i === 0 ? { commitIntervalMs, warmUpS: 20, seconds: 60 } : { commitIntervalMs, warmUpS: 10, seconds: 30 })),
  holdRate: 2_000,
  holdS: 600,
  firstRate: 2_000,
  stepS: 45,
  joinPairs: 120_000,
  joinRate: 1_000,
  commitRecords: 1_000_000,
  commitRounds: 5,
  restoreKeys: 1_000_000,
  restoreRounds: 3,
  backfillRecords: 300_000,
  backfillRows: 100_000,
  backfillS: 20,
  liveMs: 18 * 60_000,
};

const small: Sizes = {
  ...full,
  events: 50_000,
  rounds: 1,
  latencyRate: 200,
  latencyRuns: [{ commitIntervalMs: 100, warmUpS: 5, seconds: 10 }, { commitIntervalMs: 20, warmUpS: 5, seconds: 5 }],
  holdRate: 200,
  holdS: 60,
  firstRate: 250,
  stepS: 25,
  joinPairs: 7_500,
  joinRate: 250,
  commitRecords: 200_000,
  commitRounds: 2,
  restoreKeys: 200_000,
  restoreRounds: 1,
  backfillRecords: 120_000,
  backfillRows: 60_000,
  backfillS: 10,
  liveMs: 4 * 60_000,
};

export const sizes = { full, small } as const;
