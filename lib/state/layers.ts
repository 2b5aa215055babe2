import type { Store } from './store.ts';

const ABSENT = Symbol('absent');

/**
 * The layers that are not committed, in memory, over a committed one that the subclass keeps: at most one sealed layer whose commit
 * is under way, and the open layer.
 */
export abstract class LayeredStore implements Store {
  readonly name: string;
  #sealed: Map<string, unknown> | null = null;
  #open = new Map<string, unknown>();
  /** Keys and former open values of the record under way, in the order written. */
  readonly #undoKeys: string[] = [];
  readonly #undoValues: unknown[] = [];

  constructor(name: string) {
    this.name = name;
  }

  abstract getCommitted(key: string): unknown;
  abstract readonly size: number;
  /** Committed entries with from <= key < to, in code unit order. */
  protected abstract committedRange(from: string, to: string): Iterable<readonly [key: string, value: unknown]>;

  get(key: string): unknown {
    if (this.#open.has(key)) return this.#open.get(key);
    if (this.#sealed !== null && this.#sealed.has(key)) return this.#sealed.get(key);
    return this.getCommitted(key);
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
    const written = this.#written(from, to);
    let next = 0;
    for (const entry of this.committedRange(from, to)) {
      while (next < written.length && written[next]! < entry[0]) yield* this.#present(written[next++]!);
      if (written[next] === entry[0]) yield* this.#present(written[next++]!);
      else yield entry;
    }
    while (next < written.length) yield* this.#present(written[next++]!);
  }

  /** Keys of the uncommitted layers, in order. */
  #written(from: string, to: string): readonly string[] {
    const keys = new Set<string>();
    for (const layer of [this.#sealed, this.#open]) {
      if (layer !== null) for (const key of layer.keys()) if (key >= from && key < to) keys.add(key);
    }
    return [...keys].sort();
  }

  *#present(key: string): Iterable<readonly [string, unknown]> {
    const value = this.get(key);
    if (value !== undefined) yield [key, value];
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

  abstract encoded(key: string, bytes: Buffer | string | null): void;

  /** Takes the sealed layer away: the subclass has its writes, or takes them now. */
  protected unseal(): ReadonlyMap<string, unknown> {
    const sealed = this.#sealed ?? new Map<string, unknown>();
    this.#sealed = null;
    return sealed;
  }

  discard(): void {
    this.#sealed = null;
    this.#open = new Map();
    this.begin();
  }
}
