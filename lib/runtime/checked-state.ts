import { MillraceError, messageOf } from '../core/errors.ts';
import type { StateAccess } from '../plan/compile.ts';
import type { ValueEncoder } from '../serde/serde.ts';
import type { Store } from '../state/store.ts';

/** A state that its changelog cannot take, noticed when it was to be committed: by then the record that made it is not known any more. */
export class StateError extends MillraceError {}

export const encodeState = (encoder: ValueEncoder<unknown>, store: Store, value: unknown): Buffer | string => {
  try {
    return encoder.encode(value);
  } catch (cause) {
    throw new StateError(`a state of store ${store.name} does not fit its codec: ${messageOf(cause)}`, { cause });
  }
};

/**
 * A store whose writes are encoded at once, so that a state that does not fit is the dead letter of its record. It costs an
 * encoding per write, and is used only after a commit has failed for that reason: states are mostly sound.
 */
export const checkedState = (store: Store, encoder: ValueEncoder<unknown>): StateAccess => ({
  get: (key) => store.get(key),
  put: (key, value) => {
    encoder.encode(value);
    store.put(key, value);
  },
  delete: (key) => store.delete(key),
});
