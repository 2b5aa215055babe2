/** Reads Avro with the schema that the record itself names. Written for the comparison, apart from the pipeline's own decoder. */
import avsc from 'avsc';

const PREFIX_BYTES = 5;

/** int64 as text, exactly. */
const longAsText = avsc.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => String(bytes.readBigInt64LE()),
  toBuffer: (text: string) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(text));
    return bytes;
  },
  fromJSON: String,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === 'string' && /^-?\d+$/.test(value),
  compare: (a: string, b: string) => Number(BigInt(a) - BigInt(b)),
});

const isLong = (schema: unknown): boolean =>
  schema === 'long' || (typeof schema === 'object' && schema !== null && (schema as { readonly type?: unknown }).type === 'long');

/** Exact decimals as text: Connect's bytes are the number without its point, in two's complement. */
class Decimal extends avsc.types.LogicalType {
  readonly #scale: number;
  constructor(schema: avsc.Schema, options?: unknown) {
    super(schema, options as never);
    this.#scale = (schema as unknown as { readonly scale?: number }).scale ?? 0;
  }
  protected override _fromValue(bytes: Buffer): string {
    const unscaled = BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex') || '0'}`));
    const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(this.#scale + 1, '0');
    const text = this.#scale === 0 ? digits : `${digits.slice(0, -this.#scale)}.${digits.slice(-this.#scale)}`;
    return unscaled < 0n ? `-${text}` : text;
  }
  protected override _toValue(): never {
    throw new Error('the comparison only reads');
  }
}

export type Decoded = Readonly<Record<string, unknown>>;

/** Decodes records in the registry's wire format; null for anything else. */
export class Decoder {
  readonly #registryUrl: string;
  readonly #types = new Map<number, Promise<avsc.Type>>();

  constructor(registryUrl: string) {
    this.#registryUrl = registryUrl;
  }

  async decode(bytes: Buffer | null): Promise<Decoded | null> {
    if (bytes === null || bytes.length < PREFIX_BYTES || bytes[0] !== 0) return null;
    const type = await this.#type(bytes.readInt32BE(1));
    return type.fromBuffer(bytes.subarray(PREFIX_BYTES)) as Decoded;
  }

  #type(id: number): Promise<avsc.Type> {
    const known = this.#types.get(id);
    if (known !== undefined) return known;
    const loading = this.#load(id);
    this.#types.set(id, loading);
    return loading;
  }

  async #load(id: number): Promise<avsc.Type> {
    const response = await fetch(`${this.#registryUrl}/schemas/ids/${id}`);
    if (!response.ok) throw new Error(`the registry answers ${response.status} for schema ${id}`);
    const { schema } = (await response.json()) as { readonly schema: string };
    return avsc.Type.forSchema(JSON.parse(schema) as avsc.Schema, { logicalTypes: { decimal: Decimal }, wrapUnions: false, typeHook: (inner) => (isLong(inner) ? longAsText : undefined) as avsc.Type });
  }
}
