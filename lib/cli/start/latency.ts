import type { Latency } from './demo.ts';

interface Sample {
  readonly atMs: number;
  readonly ms: number;
}

const percentile = (sorted: readonly number[], share: number): number => sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)]!;

const latencyOf = (values: readonly number[]): Latency | null => {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return { count: sorted.length, p50Ms: percentile(sorted, 0.5), p95Ms: percentile(sorted, 0.95), p99Ms: percentile(sorted, 0.99) };
};

/** Latencies of a moving window and, up to a bound, of the whole run. */
export class Latencies {
  readonly #windowMs: number;
  readonly #mostSamples: number;
  #recent: Sample[] = [];
  readonly #all: number[] = [];

  constructor(windowMs = 10_000, mostSamples = 200_000) {
    this.#windowMs = windowMs;
    this.#mostSamples = mostSamples;
  }

  add(ms: number, atMs: number): void {
    this.#recent.push({ atMs, ms });
    if (this.#recent.length > this.#mostSamples) this.#recent = this.#recent.slice(this.#mostSamples / 2);
    if (this.#all.length < this.#mostSamples) this.#all.push(ms);
  }

  window(nowMs: number): Latency | null {
    this.#recent = this.#recent.filter(({ atMs }) => atMs > nowMs - this.#windowMs);
    return latencyOf(this.#recent.map(({ ms }) => ms));
  }

  /** Of the first samples, up to the bound. */
  all(): Latency | null {
    return latencyOf(this.#all);
  }
}
