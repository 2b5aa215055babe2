/** When the whole run must be over. */
export class Deadline {
  readonly #atMs: number;

  constructor(durationMs: number) {
    this.#atMs = performance.now() + durationMs;
  }

  /** Milliseconds that are left, 0 at least. */
  leftMs(): number {
    return Math.max(0, this.#atMs - performance.now());
  }

  passed(): boolean {
    return this.leftMs() === 0;
  }
}
