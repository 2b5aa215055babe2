/** Kafka's wire format: big-endian integers, strings with a 16-bit length, "compact" ones with an unsigned varint. */

const TWO_32 = 2 ** 32;

/** Reads an int64 as a number: exact below 2^53, which covers every offset, producer id and timestamp. */
export const readInt64 = (bytes: Buffer, at: number): number => bytes.readInt32BE(at) * TWO_32 + bytes.readUInt32BE(at + 4);

export const writeInt64 = (bytes: Buffer, value: number, at: number): void => {
  bytes.writeInt32BE(Math.floor(value / TWO_32), at);
  bytes.writeUInt32BE(value >>> 0, at + 4);
};

/** A request's body, field by field. */
export class RequestWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = Buffer.allocUnsafe(capacity);
  }

  #reserve(size: number): number {
    const at = this.#length;
    const needed = at + size;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, 0, at);
      this.#bytes = grown;
    }
    this.#length = needed;
    return at;
  }

  int8(value: number): this {
    const at = this.#reserve(1);
    this.#bytes.writeInt8(value, at);
    return this;
  }

  bool(value: boolean): this {
    return this.int8(value ? 1 : 0);
  }

  int16(value: number): this {
    const at = this.#reserve(2);
    this.#bytes.writeInt16BE(value, at);
    return this;
  }

  int32(value: number): this {
    const at = this.#reserve(4);
    this.#bytes.writeInt32BE(value, at);
    return this;
  }

  int64(value: number): this {
    const at = this.#reserve(8);
    writeInt64(this.#bytes, value, at);
    return this;
  }

  unsignedVarint(value: number): this {
    let rest = value >>> 0;
    while (rest > 0x7f) {
      const at = this.#reserve(1);
      this.#bytes[at] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    const at = this.#reserve(1);
    this.#bytes[at] = rest;
    return this;
  }

  string(value: string | null): this {
    if (value === null) return this.int16(-1);
    const size = Buffer.byteLength(value);
    this.int16(size);
    const at = this.#reserve(size);
    this.#bytes.write(value, at);
    return this;
  }

  compactString(value: string | null): this {
    if (value === null) return this.unsignedVarint(0);
    const size = Buffer.byteLength(value);
    this.unsignedVarint(size + 1);
    const at = this.#reserve(size);
    this.#bytes.write(value, at);
    return this;
  }

  /** Raw bytes, without a length. */
  raw(value: Buffer): this {
    const at = this.#reserve(value.length);
    value.copy(this.#bytes, at);
    return this;
  }

  array<T>(items: readonly T[], each: (item: T, writer: this) => void): this {
    this.int32(items.length);
    for (const item of items) each(item, this);
    return this;
  }

  compactArray<T>(items: readonly T[], each: (item: T, writer: this) => void): this {
    this.unsignedVarint(items.length + 1);
    for (const item of items) each(item, this);
    return this;
  }

  /** The empty list of tagged fields that ends every structure of a "flexible" request. */
  noTags(): this {
    return this.unsignedVarint(0);
  }

  done(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }
}

/** A response's body, field by field. */
export class ResponseReader {
  readonly bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  int8(): number {
    return this.bytes.readInt8(this.#move(1));
  }

  int16(): number {
    return this.bytes.readInt16BE(this.#move(2));
  }

  int32(): number {
    return this.bytes.readInt32BE(this.#move(4));
  }

  int64(): number {
    return readInt64(this.bytes, this.#move(8));
  }

  unsignedVarint(): number {
    let value = 0;
    let shift = 0;
    for (;;) {
      const byte = this.bytes.readUInt8(this.#move(1));
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
      shift += 7;
    }
  }

  string(): string {
    return this.nullableString() ?? '';
  }

  nullableString(): string | null {
    const size = this.int16();
    return size < 0 ? null : this.raw(size).toString();
  }

  compactString(): string {
    return this.compactNullableString() ?? '';
  }

  compactNullableString(): string | null {
    const size = this.unsignedVarint() - 1;
    return size < 0 ? null : this.raw(size).toString();
  }

  /** A view of the next bytes. */
  raw(size: number): Buffer {
    const at = this.#move(size);
    if (this.#at > this.bytes.length) throw new RangeError(`The response ends ${this.#at - this.bytes.length} bytes too early`);
    return this.bytes.subarray(at, at + size);
  }

  array<T>(each: (reader: this) => T): T[] {
    return this.#items(this.int32(), each);
  }

  compactArray<T>(each: (reader: this) => T): T[] {
    return this.#items(this.unsignedVarint() - 1, each);
  }

  skipTags(): void {
    for (let left = this.unsignedVarint(); left > 0; left -= 1) {
      this.unsignedVarint();
      this.#move(this.unsignedVarint());
    }
  }

  #items<T>(count: number, each: (reader: this) => T): T[] {
    const items: T[] = [];
    for (let i = 0; i < count; i += 1) items.push(each(this));
    return items;
  }

  #move(size: number): number {
    const at = this.#at;
    this.#at += size;
    return at;
  }
}
