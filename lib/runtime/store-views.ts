import { Subject, type Observable } from 'rxjs';
import { StopError } from '../core/errors.ts';
import { GuardedObservable } from '../core/observable.ts';
import { decodeKey, keyText } from '../serde/key.ts';
import type { Store } from '../state/store.ts';

export interface StoreChange {
  readonly key: unknown;
  /** Null: deleted. Must not be changed. */
  readonly value: unknown;
}

/** A store as an application sees it that runs the worker in its own process: the partitions that this worker has now. */
export interface StoreView {
  /** The committed value of a key; undefined when there is none or its partition is with another worker. Must not be changed. */
  get(key: unknown): unknown;
  /**
   * Changes, each after its commit, the last of a key within one commit. Nothing is kept: what was before is asked with `get`. A
   * subscriber holds the worker up for as long as it takes.
   */
  readonly changes$: Observable<StoreChange>;
}

class View implements StoreView {
  readonly #stores = new Set<Store>();
  readonly #changes = new Subject<StoreChange>();
  readonly changes$: Observable<StoreChange>;

  constructor(report: (error: unknown) => void) {
    this.changes$ = new GuardedObservable<StoreChange>(this.#changes, report);
  }

  get(key: unknown): unknown {
    const text = keyText(key);
    for (const store of this.#stores) {
      const value = store.getCommitted(text);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  attach(store: Store): void {
    this.#stores.add(store);
  }

  detach(store: Store): void {
    this.#stores.delete(store);
  }

  committed(writes: ReadonlyMap<string, unknown>): void {
    if (!this.#changes.observed) return;
    for (const [key, value] of writes) this.#changes.next({ key: decodeKey(Buffer.from(key, 'utf8')), value: value ?? null });
  }

  complete(): void {
    this.#stores.clear();
    this.#changes.complete();
  }
}

/** The stores of all open tasks of a worker, by name. */
export class StoreViews {
  readonly #views: ReadonlyMap<string, View>;

  /** `report` is told what a subscriber throws. */
  constructor(names: readonly string[], report: (error: unknown) => void) {
    this.#views = new Map(names.map((name) => [name, new View(report)]));
  }

  /** Throws `StopError` on a name that no store has. */
  view(name: string): StoreView {
    const view = this.#views.get(name);
    if (view === undefined) throw new StopError(`no store is called '${name}'`, { hint: `There are: ${[...this.#views.keys()].join(', ')}` });
    return view;
  }

  attach(stores: readonly Store[]): void {
    for (const store of stores) this.#views.get(store.name)?.attach(store);
  }

  detach(stores: readonly Store[]): void {
    for (const store of stores) this.#views.get(store.name)?.detach(store);
  }

  /** These writes are committed, in Kafka and in the store. */
  committed(store: Store, writes: ReadonlyMap<string, unknown>): void {
    this.#views.get(store.name)?.committed(writes);
  }

  complete(): void {
    for (const view of this.#views.values()) view.complete();
  }
}
