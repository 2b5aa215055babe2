/** Zigzag varints as record batches use them. Lengths and offset deltas fit 32 bits; timestamp deltas may not. */

export const sizeOfVarint = (value: number): number => {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  if (zigzag < 0x80) return 1;
  if (zigzag < 0x4000) return 2;
  if (zigzag < 0x200000) return 3;
  return zigzag < 0x10000000 ? 4 : 5;
};

/** Writes at `at` and returns the position behind. */
export const writeVarint = (bytes: Buffer, value: number, at: number): number => {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  let position = at;
  while (rest > 0x7f) {
    bytes[position++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[position++] = rest;
  return position;
};

const fitsInt32 = (value: number): boolean => value === (value | 0);

export const sizeOfVarlong = (value: number): number => {
  if (fitsInt32(value)) return sizeOfVarint(value);
  let rest = zigzag64(value);
  let size = 1;
  while (rest > 0x7fn) {
    rest >>= 7n;
    size += 1;
  }
  return size;
};

export const writeVarlong = (bytes: Buffer, value: number, at: number): number => {
  if (fitsInt32(value)) return writeVarint(bytes, value, at);
  let rest = zigzag64(value);
  let position = at;
  while (rest > 0x7fn) {
    bytes[position++] = Number(rest & 0x7fn) | 0x80;
    rest >>= 7n;
  }
  bytes[position++] = Number(rest);
  return position;
};

const zigzag64 = (value: number): bigint => {
  const wide = BigInt(value);
  return BigInt.asUintN(64, (wide << 1n) ^ (wide >> 63n));
};

/** Reads varints one after another. Past the end of the bytes it yields garbage: callers compare `at` with the end. */
export class VarintCursor {
  readonly bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  varint(): number {
    const bytes = this.bytes;
    let byte = bytes[this.at++]!;
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1);
    let value = byte & 0x7f;
    for (let shift = 7; shift < 35; shift += 7) {
      byte = bytes[this.at++]!;
      value |= (byte & 0x7f) << shift;
      if (!(byte >= 0x80)) break;
    }
    return (value >>> 1) ^ -(value & 1);
  }

  varlong(): number {
    const start = this.at;
    const bytes = this.bytes;
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = bytes[this.at++]!;
      value |= (byte & 0x7f) << shift;
      if (!(byte >= 0x80)) return (value >>> 1) ^ -(value & 1);
    }
    this.at = start;
    return this.#wide();
  }

  #wide(): number {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.bytes[this.at++]!;
      if (byte === undefined) return 0;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return Number(BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n)));
  }
}
