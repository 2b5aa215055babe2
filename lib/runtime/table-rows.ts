import { DeadLetterError } from '../core/errors.ts';

export type Row = Readonly<Record<string, unknown>>;

/** The key that columns of a row make. Throws `DeadLetterError` on what has none of them. */
export const rowKeyOf = (row: unknown, columns: string | readonly string[]): unknown => {
  if (row === null || typeof row !== 'object') throw new DeadLetterError('the value is no row');
  const at = (column: string): unknown => {
    const value = (row as Row)[column];
    if (value === undefined) throw new DeadLetterError(`the row has no column ${column}, which is of its key`);
    return value;
  };
  return typeof columns === 'string' ? at(columns) : columns.map(at);
};

/** A key for the log. */
export const keyName = (key: unknown): string => (Array.isArray(key) ? key.map(String).join(', ') : String(key));

/**
 * Rows by their key, and the record's key that each came under where that is another (text for a number, columns in another order): a later change or tombstone under that record's key
 * means its row and no other. Keys are as `lookupKey` gives them; a record without a key is null.
 */
export class TableRows {
  readonly #rows = new Map<unknown, Row>();
  /** Record's key -> key of its row, where they differ, and back. */
  readonly #aliases = new Map<unknown, unknown>();
  readonly #owners = new Map<unknown, unknown>();

  get(key: unknown): Row | undefined {
    return this.#rows.get(key);
  }

  get size(): number {
    return this.#rows.size;
  }

  /** Key of the row that came under a record's key; undefined when there is none. */
  #of(messageKey: unknown): unknown {
    const key = this.#aliases.get(messageKey) ?? messageKey;
    return this.#rows.has(key) && (this.#owners.has(key) ? this.#owners.get(key) : key) === messageKey ? key : undefined;
  }

  /** `merged` makes the row from the one that the record's key had; when it throws nothing has changed. */
  put(messageKey: unknown, key: unknown, merged: (previous: Row | undefined) => Row): void {
    if (messageKey === null) {
      this.#rows.set(key, merged(this.#rows.get(key)));
      return;
    }
    const former = this.#of(messageKey);
    const row = merged(former === undefined ? undefined : this.#rows.get(former));
    if (former !== undefined && former !== key) this.forget(messageKey);
    this.#rows.set(key, row);
    if (messageKey === key) {
      this.#aliases.delete(messageKey);
      this.#owners.delete(key);
    } else {
      this.#aliases.set(messageKey, key);
      this.#owners.set(key, messageKey);
    }
  }

  forget(messageKey: unknown): void {
    const key = this.#of(messageKey);
    this.#aliases.delete(messageKey);
    if (key === undefined) return;
    this.#rows.delete(key);
    this.#owners.delete(key);
  }

  clear(): void {
    this.#rows.clear();
    this.#aliases.clear();
    this.#owners.clear();
  }
}
