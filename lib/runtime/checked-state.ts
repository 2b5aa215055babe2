import { MillraceError, messageOf } from '../core/errors.ts';
import type { OutputBatch } from '../kafka/port.ts';
import type { StateAccess } from '../plan/compile.ts';
import type { ValueEncoder } from '../serde/serde.ts';
import type { Store } from '../state/store.ts';
import { refuseTooLarge } from './outputs.ts';

/** A store with what makes it durable. */
export interface TaskStore {
  readonly store: Store;
  readonly changelog: string;
  readonly encoder: ValueEncoder<unknown>;
  /** `max.message.bytes` of the changelog. */
  readonly maxBytes: number;
}

/** A state that its changelog cannot take, noticed when it was to be committed: by then the record that made it is not known any more. */
export class StateError extends MillraceError {}

const encode = ({ changelog, encoder, maxBytes }: TaskStore, key: string, value: unknown): Buffer | string => {
  const bytes = encoder.encode(value);
  refuseTooLarge(changelog, maxBytes, key, bytes);
  return bytes;
};

const encodeState = (store: TaskStore, key: string, value: unknown): Buffer | string => {
  try {
    return encode(store, key, value);
  } catch (cause) {
    throw new StateError(`a state of store ${store.store.name} cannot be written: ${messageOf(cause)}`, { cause });
  }
};

/** Closes what was written to the stores for a commit, appends it to their changelogs and returns it by store. Throws `StateError`. */
export const sealStores = (stores: Iterable<TaskStore>, output: OutputBatch, partition: number, nowMs: number): (readonly [Store, ReadonlyMap<string, unknown>])[] =>
  [...stores].map((store) => {
    const writes = store.store.seal();
    for (const [key, value] of writes) {
      const bytes = value === undefined ? null : encodeState(store, key, value);
      output.append(store.changelog, partition, key, bytes, nowMs);
      store.store.encoded(key, bytes);
    }
    return [store.store, writes] as const;
  });

/**
 * A store whose writes are encoded at once, so that a state that cannot be written is the dead letter of its record. It costs an
 * encoding per write, and is used only after a commit has failed for that reason: states are mostly sound.
 */
export const checkedState = (store: TaskStore): StateAccess => ({
  get: (key) => store.store.get(key),
  put: (key, value) => {
    encode(store, key, value);
    store.store.put(key, value);
  },
  delete: (key) => store.store.delete(key),
});
