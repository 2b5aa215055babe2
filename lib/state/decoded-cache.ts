/** Decoded values by key: those read or written last, at most `max` of them. */
export class DecodedCache {
  readonly #half: number;
  /** What was used since the halves changed, and what was used before that. */
  #young = new Map<string, unknown>();
  #old = new Map<string, unknown>();

  constructor(max: number) {
    this.#half = Math.ceil(max / 2);
  }

  get(key: string): unknown {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: string, value: unknown): void {
    if (this.#young.size >= this.#half && !this.#young.has(key)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}
