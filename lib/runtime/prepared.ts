import type { KeyDecoder, RecordBytes, ValueDecoder } from '../serde/index.ts';

/** Fetches what a batch's values and keys are read with; undefined when all of it is known. Rejects with `RetryError` while the registry is away. */
export const prepared = (batch: RecordBytes, { values, keys }: { readonly values: ValueDecoder<unknown>; readonly keys: KeyDecoder }): Promise<unknown> | undefined => {
  const missing = [values.prepare(batch), keys.prepare(batch)].filter((promise) => promise !== undefined);
  return missing.length === 0 ? undefined : Promise.all(missing);
};
