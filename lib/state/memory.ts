import type { Store } from './store.ts';

const ABSENT = Symbol('absent');

/**
 * A store in memory: a committed layer, at most one sealed layer whose commit is under way, and the open layer. The
 * changelog makes it durable.
 */
export class MemoryStore implements Store {
  readonly name: string;
  readonly #base = new Map<string, unknown>();
  #sealed: Map<string, unknown> | null = null;
  #open = new Map<string, unknown>();
  /** Keys and former open values of the record under way, in the order written. */
  readonly #undoKeys: string[] = [];
  readonly #undoValues: unknown[] = [];

  constructor(name: string) {
    this.name = name;
  }

  get(key: string): unknown {
    if (this.#open.has(key)) return this.#open.get(key);
    if (this.#sealed !== null && this.#sealed.has(key)) return this.#sealed.get(key);
    return this.#base.get(key);
  }

  getCommitted(key: string): unknown {
    return this.#base.get(key);
  }

  put(key: string, value: unknown): void {
    this.#write(key, value);
  }

  delete(key: string): void {
    this.#write(key, undefined);
  }

  #write(key: string, value: unknown): void {
    this.#undoKeys.push(key);
    this.#undoValues.push(this.#open.has(key) ? this.#open.get(key) : ABSENT);
    this.#open.set(key, value);
  }

  *range(from: string, to: string): Iterable<readonly [string, unknown]> {
    const keys = new Set<string>();
    for (const layer of [this.#base, this.#sealed, this.#open]) {
      if (layer !== null) for (const key of layer.keys()) if (key >= from && key < to) keys.add(key);
    }
    for (const key of [...keys].sort()) {
      const value = this.get(key);
      if (value !== undefined) yield [key, value];
    }
  }

  /** Committed entries; what is not committed does not count. */
  get size(): number {
    return this.#base.size;
  }

  begin(): void {
    this.#undoKeys.length = 0;
    this.#undoValues.length = 0;
  }

  rollback(): void {
    for (let i = this.#undoKeys.length - 1; i >= 0; i -= 1) {
      const former = this.#undoValues[i];
      if (former === ABSENT) this.#open.delete(this.#undoKeys[i]!);
      else this.#open.set(this.#undoKeys[i]!, former);
    }
    this.begin();
  }

  seal(): ReadonlyMap<string, unknown> {
    if (this.#sealed !== null) throw new Error(`store ${this.name}: a commit is under way`);
    this.begin();
    this.#sealed = this.#open;
    this.#open = new Map();
    return this.#sealed;
  }

  committed(): void {
    for (const [key, value] of this.#sealed ?? []) this.restore(key, value);
    this.#sealed = null;
  }

  discard(): void {
    this.#sealed = null;
    this.#open = new Map();
    this.begin();
  }

  restore(key: string, value: unknown): void {
    if (value === undefined) this.#base.delete(key);
    else this.#base.set(key, value);
  }

  close(): void {
    this.discard();
    this.#base.clear();
  }
}
