/** What a histogram holds at one moment. `counts[i]` are the values up to `boundsMs[i]` and above the bound before; the last are those above all bounds. */
export interface HistogramFigures {
  readonly boundsMs: readonly number[];
  readonly counts: readonly number[];
  readonly sumMs: number;
  readonly count: number;
}

/** Times of work in one process. */
export const DURATION_BOUNDS_MS: readonly number[] = [0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000];
/** Ages of events: fine where a pipeline is meant to be, coarse where it has fallen behind. */
export const AGE_BOUNDS_MS: readonly number[] = [
  5, 10, 25, 50, 75, 100, 150, 200, 250, 350, 500, 750, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 900_000, 3_600_000, 21_600_000, 86_400_000,
];

/** Counts times in fixed buckets; nothing is allocated for a value. */
export class Histogram {
  readonly #boundsMs: readonly number[];
  readonly #counts: number[];
  #sumMs = 0;
  #count = 0;

  /** `boundsMs` are the buckets' upper bounds, growing, each within its bucket. */
  constructor(boundsMs: readonly number[]) {
    this.#boundsMs = boundsMs;
    this.#counts = new Array<number>(boundsMs.length + 1).fill(0);
  }

  /** A time below zero, from a clock that runs behind, counts as zero. */
  observe(ms: number): void {
    let bucket = 0;
    while (bucket < this.#boundsMs.length && ms > this.#boundsMs[bucket]!) bucket += 1;
    this.#counts[bucket]! += 1;
    this.#sumMs += Math.max(0, ms);
    this.#count += 1;
  }

  snapshot(): HistogramFigures {
    return { boundsMs: this.#boundsMs, counts: [...this.#counts], sumMs: this.#sumMs, count: this.#count };
  }
}
