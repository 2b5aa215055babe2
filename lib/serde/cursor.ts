/** Bytes are not what their schema says: cut off, or garbage. Becomes a `DeadLetterError` that names the schema. */
export class Malformed extends Error {}

/** What one field had in the record before. */
export interface LastText {
  bytes: Buffer;
  text: string;
}

const TWO_28 = 2 ** 28;
const LONG_BYTES = 10;
const NEAR = 2 ** 52;

/**
 * Reads Avro's binary primitives. Every read checks the end, and every length is checked against what is left before it is
 * used: one garbage record must not make a worker allocate gigabytes or loop for minutes.
 */
export class Cursor {
  #bytes: Buffer = Buffer.alloc(0);
  #end = 0;
  #at = 0;

  /** Starts at an offset of these bytes; they are not kept once the value is read. */
  start(bytes: Buffer, offset: number): void {
    this.#bytes = bytes;
    this.#end = bytes.length;
    this.#at = offset;
  }

  /** Refuses bytes behind the value. */
  finish(): void {
    if (this.#at !== this.#end) throw new Malformed(`${this.#end - this.#at} bytes are left behind the value`);
  }

  /** Where the next read begins; `back` goes there again. */
  get at(): number {
    return this.#at;
  }

  back(at: number): void {
    this.#at = at;
  }

  get left(): number {
    return this.#end - this.#at;
  }

  #take(length: number): number {
    const from = this.#at;
    if (length < 0 || length > this.#end - from) throw new Malformed(length < 0 ? 'a negative length' : 'the data ends too early');
    this.#at = from + length;
    return from;
  }

  boolean(): boolean {
    const byte = this.#bytes[this.#take(1)];
    if (byte !== 0 && byte !== 1) throw new Malformed(`${byte} is no boolean`);
    return byte === 1;
  }

  int(): number {
    const n = this.long();
    if (n !== (n | 0)) throw new Malformed(`${n} is no 32-bit integer`);
    return n;
  }

  /** A varint as a number: exact up to 2^53, rounded above (`bigint` is exact everywhere). */
  long(): number {
    const bytes = this.#bytes;
    let at = this.#at;
    if (at >= this.#end) throw new Malformed('the data ends too early');
    let byte = bytes[at++]!;
    if (byte < 0x80) {
      this.#at = at;
      return (byte >>> 1) ^ -(byte & 1);
    }
    let n = byte & 0x7f;
    let shift = 7;
    do {
      if (at >= this.#end) throw new Malformed('the data ends too early');
      byte = bytes[at++]!;
      n |= (byte & 0x7f) << shift;
      shift += 7;
    } while (byte >= 0x80 && shift < 28);
    if (byte < 0x80) {
      this.#at = at;
      return (n >>> 1) ^ -(n & 1);
    }
    const limit = this.#at + LONG_BYTES;
    let sum = n;
    let unit = TWO_28;
    do {
      if (at >= this.#end) throw new Malformed('the data ends too early');
      if (at >= limit) throw new Malformed('an integer is longer than 64 bits');
      byte = bytes[at++]!;
      sum += (byte & 0x7f) * unit;
      unit *= 128;
    } while (byte >= 0x80);
    const from = limit - LONG_BYTES;
    this.#at = at;
    // Twice the value is what was summed up, so the sum is exact only up to half of what a number holds.
    if (sum > NEAR) return Number(this.#wide(from));
    return sum % 2 === 0 ? sum / 2 : -(sum + 1) / 2;
  }

  /** A varint exactly. */
  bigint(): bigint {
    const from = this.#at;
    const near = this.long();
    return near >= -NEAR && near <= NEAR ? BigInt(near) : this.#wide(from);
  }

  #wide(from: number): bigint {
    let n = 0n;
    for (let at = this.#at - 1; at >= from; at -= 1) n = (n << 7n) | BigInt(this.#bytes[at]! & 0x7f);
    n = BigInt.asUintN(64, n);
    return BigInt.asIntN(64, (n >> 1n) ^ -(n & 1n));
  }

  float(): number {
    return this.#bytes.readFloatLE(this.#take(4));
  }

  double(): number {
    return this.#bytes.readDoubleLE(this.#take(8));
  }

  string(): string {
    const length = this.long();
    const from = this.#take(length);
    return this.#bytes.toString('utf8', from, from + length);
  }

  /** Text that is mostly the same from record to record: comparing bytes is cheaper than making a string. */
  repeatingString(last: LastText): string {
    const length = this.long();
    const from = this.#take(length);
    const known = last.bytes;
    let same = 0;
    if (known.length === length) while (same < length && this.#bytes[from + same] === known[same]) same += 1;
    if (same === length && known.length === length) return last.text;
    last.bytes = Buffer.from(this.#bytes.subarray(from, from + length));
    last.text = this.#bytes.toString('utf8', from, from + length);
    return last.text;
  }

  /** A copy: a row that lives in a table must not keep the whole fetched batch alive. */
  bytes(): Buffer {
    return this.fixed(this.long());
  }

  /** Bytes in place, for use before the next read. */
  view(): Buffer {
    const length = this.long();
    const from = this.#take(length);
    return this.#bytes.subarray(from, from + length);
  }

  fixed(length: number): Buffer {
    const from = this.#take(length);
    return Buffer.from(this.#bytes.subarray(from, from + length));
  }

  skip(length: number): void {
    this.#take(length);
  }

  skipLong(): void {
    const bytes = this.#bytes;
    const limit = Math.min(this.#end, this.#at + LONG_BYTES);
    let at = this.#at;
    while (at < limit && bytes[at]! >= 0x80) at += 1;
    if (at >= limit) throw new Malformed('the data ends within an integer');
    this.#at = at + 1;
  }

  skipBytes(): void {
    this.#take(this.long());
  }

  /**
   * Length of the next block of an array or map, 0 at its end. `itemBytes` is the least that an item takes; items that take
   * nothing at all (nulls, empty records) are limited to 65,536 a block.
   */
  block(itemBytes: number): number {
    let count = this.long();
    if (count < 0) {
      count = -count;
      this.skipLong();
    }
    if (count * itemBytes > this.left || (itemBytes === 0 && count > 0x1_0000)) throw new Malformed(`an array or map of ${count} items does not fit in the data`);
    return count;
  }
}
