import { encodeInternal } from './internal.ts';

/**
 * How the rows of a table are found in a `Map`: a scalar stands for itself, the key of several columns is its internal
 * encoding, which keeps apart what JSON would not (1n and 1, bytes and text).
 */
export const lookupKey = (key: unknown): unknown => (key !== null && typeof key === 'object' ? encodeInternal(key) : key);
