/** Bits for the place of a record; the others of a double's 53 hold four bytes of its key. */
const PLACES = 2 ** 20;

/** Bytes that all keys begin with. */
const sharedBytes = (records: readonly { readonly key: Buffer }[]): number => {
  const first = records[0]!.key;
  let shared = first.length;
  for (const { key } of records) {
    let same = 0;
    while (same < shared && same < key.length && key[same] === first[same]) same += 1;
    shared = same;
  }
  return shared;
};

/**
 * Places of the records in about the order of their keys, by four bytes behind what all keys share; records of one key stay in their
 * order. A tree that is written in about its order touches each page once: that is worth more than the sorting, which is one of numbers.
 */
export const roughOrder = (records: readonly { readonly key: Buffer }[]): Iterable<number> => {
  if (records.length === 0 || records.length > PLACES) return records.keys();
  const at = sharedBytes(records);
  const order = new Float64Array(records.length);
  for (let i = 0; i < order.length; i += 1) {
    const { key } = records[i]!;
    const bytes = (key[at] ?? 0) * 0x1000000 + (key[at + 1] ?? 0) * 0x10000 + (key[at + 2] ?? 0) * 0x100 + (key[at + 3] ?? 0);
    order[i] = bytes * PLACES + i;
  }
  order.sort();
  for (let i = 0; i < order.length; i += 1) order[i] = order[i]! % PLACES;
  return order;
};
