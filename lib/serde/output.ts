const INITIAL_BYTES = 4096;
/** Strings below this many UTF-16 units have at most 63 UTF-8 bytes: their length is one byte, and need not be known first. */
const SHORT_STRING = 22;
const NEAR = 2 ** 51;

/** Writes Avro's binary primitives into one buffer that grows to the largest value seen; what is handed out is a copy. */
export class Output {
  #bytes: Buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  #at = 0;

  start(): void {
    this.#at = 0;
  }

  /** A copy of what was written since `start`. */
  take(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#at));
  }

  #reserve(count: number): void {
    if (this.#at + count <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(2 * (this.#at + count));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
  }

  /** Big-endian, unsigned. */
  uint32(value: number): void {
    this.#reserve(4);
    this.#at = this.#bytes.writeUInt32BE(value, this.#at);
  }

  /** A varint of a whole number up to 2^53. */
  long(value: number): void {
    this.#reserve(10);
    const bytes = this.#bytes;
    let at = this.#at;
    if (value >= -0x4000_0000 && value < 0x4000_0000) {
      let rest = (value << 1) ^ (value >> 31);
      while (rest >= 0x80) {
        bytes[at++] = (rest & 0x7f) | 0x80;
        rest >>>= 7;
      }
      bytes[at++] = rest;
    } else if (value >= -NEAR && value <= NEAR) {
      let rest = value >= 0 ? value * 2 : -value * 2 - 1;
      while (rest >= 0x80) {
        bytes[at++] = (rest % 128) | 0x80;
        rest = Math.floor(rest / 128);
      }
      bytes[at++] = rest;
    } else {
      this.bigint(BigInt(value));
      return;
    }
    this.#at = at;
  }

  /** A varint of an int64. */
  bigint(value: bigint): void {
    const near = Number(value);
    if (near >= -NEAR && near <= NEAR) {
      this.long(near);
      return;
    }
    this.#reserve(10);
    let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
    while (rest >= 0x80n) {
      this.#bytes[this.#at++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#bytes[this.#at++] = Number(rest);
  }

  float(value: number): void {
    this.#reserve(4);
    this.#at = this.#bytes.writeFloatLE(value, this.#at);
  }

  double(value: number): void {
    this.#reserve(8);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  string(value: string): void {
    if (value.length < SHORT_STRING) {
      this.#reserve(1 + 3 * value.length);
      const length = value.length === 0 ? 0 : this.#bytes.write(value, this.#at + 1);
      this.#bytes[this.#at] = length * 2;
      this.#at += 1 + length;
      return;
    }
    const length = Buffer.byteLength(value);
    this.long(length);
    this.#reserve(length);
    this.#at += this.#bytes.write(value, this.#at);
  }

  /** The bytes alone, without their length. */
  raw(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }
}
