/** What a proxy reads of Kafka's requests and answers as they pass. */

export const END_TXN = 26;

/** Calls of a transaction whose body begins with the transactional id, in the versions that the port speaks. */
const NAMES_TRANSACTION: ReadonlySet<number> = new Set([24, 25, END_TXN]);
/** Behind an answer's length and correlation id: the throttle time, then the error. */
const ERROR_AT = 12;

export interface KafkaRequest {
  readonly apiKey: number;
  /** Null where the call is not one of a transaction. */
  readonly transactionalId: string | null;
}

/** Puts the chunks of a TCP stream together to whole requests or answers, their length in front. */
export class Frames {
  readonly #chunks: Buffer[] = [];
  #length = 0;
  /** Bytes that the next step needs: of a length, or of a whole frame. */
  #needed = 4;

  *push(bytes: Buffer): Generator<Buffer> {
    this.#chunks.push(bytes);
    this.#length += bytes.length;
    while (this.#length >= this.#needed) {
      const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
      const end = 4 + all.readInt32BE(0);
      const whole = all.length >= end;
      this.#chunks.splice(0, Infinity, whole ? all.subarray(end) : all);
      this.#length = all.length - (whole ? end : 0);
      this.#needed = whole ? 4 : end;
      if (whole) yield all.subarray(0, end);
    }
  }
}

export const correlationOfRequest = (frame: Buffer): number => frame.readInt32BE(8);
export const correlationOfAnswer = (frame: Buffer): number => frame.readInt32BE(4);

export const requestOf = (frame: Buffer): KafkaRequest => {
  const apiKey = frame.readInt16BE(4);
  if (!NAMES_TRANSACTION.has(apiKey)) return { apiKey, transactionalId: null };
  const at = 14 + Math.max(0, frame.readInt16BE(12));
  return { apiKey, transactionalId: frame.toString('utf8', at + 2, at + 2 + frame.readInt16BE(at)) };
};

/** Of an answer that begins with throttle time and error code, as EndTxn's does. */
export const errorOf = (frame: Buffer): number => frame.readInt16BE(ERROR_AT);
