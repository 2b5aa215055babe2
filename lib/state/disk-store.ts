import { crc32 } from 'node:zlib';
import { messageOf, StopError } from '../core/errors.ts';
import type { FetchedBatch } from '../kafka/port.ts';
import { NO_VALUE, type RecordBytes } from '../serde/serde.ts';
import { schemaIdOf } from '../serde/wire.ts';
import { changelogKey } from './changelog-key.ts';
import { DecodedCache } from './decoded-cache.ts';
import type { Bytes, DiskEnv } from './disk-env.ts';
import { CorruptStateError } from './disk-errors.ts';
import { fromDiskKey, isCut, sharesCut, toDiskKey, toDiskKeyFromUtf8, WHOLE_KEY_BYTES } from './disk-key.ts';
import type { StoreSpec } from './home.ts';
import { LayeredStore } from './layers.ts';
import { roughOrder } from './rough-order.ts';
import type { RestorableStore, StorePosition } from './store.ts';

/** Entries that a range reads at a time. */
const RANGE_CHUNK = 256;
const CHECKSUM_BYTES = 4;
const LENGTH_BYTES = 4;
const NO_SCHEMA = -1;
/**
 * Restored records are gathered up to so many bytes before they are written: each transaction writes the pages anew that it touches, so
 * that many small ones would write most of the store each time.
 */
const GATHER_BYTES = 32 * 1_048_576;
/** Of a record in memory beside its bytes. */
const RECORD_BYTES = 200;
/** Behind every key that is cut at the same bytes. */
const BEHIND = Buffer.alloc(33, 0xff);

/** What is remembered of a store beside its entries. */
interface Remembered extends StorePosition {
  /** Of the values: their schemas are fetched before the first is read. */
  readonly schemaIds: readonly number[];
}

interface Entry {
  readonly key: Buffer;
  readonly value: Buffer;
}

interface Gathered {
  /** In UTF-8. */
  readonly key: Buffer;
  readonly value: Buffer | null;
}

/** Values of these ids, as far as decoders look at them to prepare. */
const batchOfIds = (ids: readonly number[]): RecordBytes => ({
  count: ids.length,
  key: () => null,
  value: (i) => {
    const bytes = Buffer.alloc(5);
    bytes.writeUInt32BE(ids[i]!, 1);
    return bytes;
  },
});

/**
 * A store on disk. A value is what the changelog has, with a checksum of key and value in front, and with the whole key where that is cut;
 * it is decoded when it is read. The values read or written last are kept decoded.
 */
export class DiskStore extends LayeredStore implements RestorableStore {
  readonly #env: DiskEnv;
  readonly #database: Bytes;
  readonly #spec: StoreSpec;
  readonly #cache: DecodedCache;
  /** Schema ids of the values, and those of them that can be decoded. */
  readonly #ids: Set<number>;
  readonly #prepared = new Set<number>();
  #lastId = NO_SCHEMA;
  #position: StorePosition | null;
  #gathered: Gathered[] = [];
  #gatheredBytes = 0;
  #encoded: [key: string, bytes: Buffer | string | null][] = [];

  constructor(env: DiskEnv, spec: StoreSpec, cacheRecords: number) {
    super(spec.name);
    this.#env = env;
    this.#database = env.store(spec.name);
    this.#spec = spec;
    this.#cache = new DecodedCache(cacheRecords);
    const remembered = env.read(() => env.remembered(spec.name)) as Remembered | undefined;
    this.#ids = new Set(remembered?.schemaIds);
    this.#position = remembered === undefined ? null : { topicId: remembered.topicId, offset: remembered.offset, marked: remembered.marked === true, validAtMs: remembered.validAtMs };
  }

  getCommitted(key: string): unknown {
    const cached = this.#cache.get(key);
    if (cached !== undefined) return cached;
    const value = this.#read(key);
    if (value !== undefined) this.#cache.set(key, value);
    return value;
  }

  #read(key: string): unknown {
    const diskKey = toDiskKey(key);
    const bytes = this.#env.read(() => this.#database.getBinary(diskKey));
    return bytes === undefined ? undefined : this.#decoded(diskKey, bytes).value;
  }

  #decoded(diskKey: Buffer, bytes: Buffer): { readonly key: string | null; readonly value: unknown } {
    const { key, body } = this.#env.read(() => checked(diskKey, bytes, this.#env.folder));
    let value: unknown;
    try {
      value = this.#spec.decoder.decode(body);
    } catch (cause) {
      throw new StopError(`a state of store ${this.name} cannot be read: ${messageOf(cause)}`, { cause });
    }
    return { key, value: value === NO_VALUE ? undefined : value };
  }

  protected *committedRange(from: string, to: string): Iterable<readonly [string, unknown]> {
    let group: (readonly [string, unknown])[] = [];
    let last: Buffer | null = null;
    for (const { key, value } of this.#entries(from, to)) {
      if (last !== null && !sharesCut(last, key)) {
        yield* inOrder(group, from, to);
        group = [];
      }
      last = key;
      const decoded = this.#decoded(key, value);
      group.push([decoded.key ?? fromDiskKey(key), decoded.value]);
    }
    yield* inOrder(group, from, to);
  }

  /** In the order on disk, a few at a time, so that no reading transaction stays open. May begin earlier and end later by keys that are cut. */
  *#entries(from: string, to: string): Iterable<Entry> {
    if (from >= to) return;
    let start = toDiskKey(from);
    if (isCut(start)) start = start.subarray(0, WHOLE_KEY_BYTES);
    let end = toDiskKey(to);
    if (isCut(end)) end = Buffer.concat([end.subarray(0, WHOLE_KEY_BYTES), BEHIND]);
    for (;;) {
      const chunk = this.#env.read(() => [...this.#database.getRange({ start, end, limit: RANGE_CHUNK })].map(({ key, value }) => ({ key: Buffer.from(key), value: Buffer.from(value) })));
      yield* chunk;
      if (chunk.length < RANGE_CHUNK) return;
      start = Buffer.concat([chunk.at(-1)!.key, Buffer.alloc(1)]);
    }
  }

  get size(): number {
    return this.#env.read(() => this.#env.entries(this.name));
  }

  get position(): StorePosition | null {
    return this.#position;
  }

  encoded(key: string, bytes: Buffer | string | null): void {
    this.#encoded.push([key, bytes]);
  }

  override discard(): void {
    super.discard();
    this.#encoded = [];
  }

  /** Waits until values of the ids that were met can be decoded. */
  preparing(): Promise<void> | undefined {
    for (const [, bytes] of this.#encoded) if (bytes instanceof Buffer) this.#meet(bytes);
    const missing = [...this.#ids].filter((id) => !this.#prepared.has(id));
    if (missing.length === 0) return undefined;
    const known = (): void => {
      for (const id of missing) this.#prepared.add(id);
    };
    const ready = this.prepare(batchOfIds(missing));
    if (ready !== undefined) return ready.then(known);
    known();
    return undefined;
  }

  #meet(bytes: Buffer): void {
    const id = schemaIdOf(bytes);
    if (id === this.#lastId) return;
    this.#lastId = id;
    if (id >= 0) this.#ids.add(id);
  }

  /** Writes what was sealed; to be called in a transaction, and `taken` after it. */
  writeSealed(position: StorePosition | null): void {
    for (const [key, bytes] of this.#encoded) this.#write(toDiskKey(key), typeof bytes === 'string' ? Buffer.from(bytes, 'utf8') : bytes, isLong(key) ? Buffer.from(key, 'utf8') : null);
    this.#remember(position);
  }

  committed(): void {
    this.#encoded = [];
    for (const [key, value] of this.unseal()) {
      if (value === undefined) this.#cache.delete(key);
      else this.#cache.set(key, value);
    }
  }

  moved(position: StorePosition | null): void {
    this.#position = position;
  }

  #write(diskKey: Buffer, value: Buffer | null, whole: Buffer | null): void {
    if (value === null) this.#database.removeSync(diskKey);
    else this.#database.putSync(diskKey, sealed(diskKey, value, isCut(diskKey) ? whole : null));
  }

  #remember(position: StorePosition | null): void {
    this.#env.remember(this.name, position === null ? null : { ...position, schemaIds: [...this.#ids] } satisfies Remembered);
  }

  prepare(batch: RecordBytes): Promise<void> | undefined {
    return this.#spec.decoder.prepare(batch);
  }

  restore(batch: FetchedBatch, position: StorePosition): void {
    for (let i = 0; i < batch.count; i += 1) {
      const key = changelogKey(batch, i);
      const value = batch.value(i);
      if (value !== null) this.#meet(value);
      this.#gathered.push({ key, value });
      this.#gatheredBytes += key.length + (value?.length ?? 0) + RECORD_BYTES;
    }
    if (this.#gatheredBytes >= GATHER_BYTES) this.restored(position);
  }

  restored(position: StorePosition): void {
    const gathered = this.#gathered;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#env.write(() => {
      for (const i of roughOrder(gathered)) {
        const { key, value } = gathered[i]!;
        this.#write(toDiskKeyFromUtf8(key), value, key);
      }
      this.#remember(position);
    });
    this.#position = position;
  }

  wipe(): void {
    this.#env.write(() => {
      this.#database.clearSync();
      this.#remember(null);
    });
    this.#gathered = [];
    this.#cache.clear();
    this.#ids.clear();
    this.#lastId = NO_SCHEMA;
    this.#position = null;
  }
}

/** A key that may be cut. */
const isLong = (key: string): boolean => key.length * 3 >= WHOLE_KEY_BYTES;

/** A CRC-32 of the value that begins with a hash (FNV-1a) of the key: one call of the native function, which costs more than its work. */
const checksum = (diskKey: Buffer, bytes: Buffer): number => {
  let hash = 0x811c9dc5;
  for (let i = 0; i < diskKey.length; i += 1) hash = Math.imul(hash ^ diskKey[i]!, 0x01000193);
  return crc32(bytes, hash >>> 0);
};

/** A value as it lies on disk; `whole` is the key's UTF-8 where the key is cut. */
const sealed = (diskKey: Buffer, value: Buffer, whole: Buffer | null): Buffer => {
  const wholeBytes = whole === null ? 0 : LENGTH_BYTES + whole.length;
  const bytes = Buffer.allocUnsafe(CHECKSUM_BYTES + wholeBytes + value.length);
  if (whole !== null) {
    bytes.writeUInt32LE(whole.length, CHECKSUM_BYTES);
    whole.copy(bytes, CHECKSUM_BYTES + LENGTH_BYTES);
  }
  value.copy(bytes, CHECKSUM_BYTES + wholeBytes);
  bytes.writeUInt32LE(checksum(diskKey, whole === null ? value : bytes.subarray(CHECKSUM_BYTES)), 0);
  return bytes;
};

/** The value of what `sealed` made, and the key where it was cut. Throws `CorruptStateError`. */
const checked = (diskKey: Buffer, bytes: Buffer, folder: string): { readonly key: string | null; readonly body: Buffer } => {
  const rest = bytes.subarray(CHECKSUM_BYTES);
  if (bytes.length < CHECKSUM_BYTES || bytes.readUInt32LE(0) !== checksum(diskKey, rest)) throw new CorruptStateError(`the state in ${folder} is not what was written there: a checksum is wrong`);
  if (!isCut(diskKey)) return { key: null, body: rest };
  const end = LENGTH_BYTES + rest.readUInt32LE(0);
  return { key: rest.toString('utf8', LENGTH_BYTES, end), body: rest.subarray(end) };
};

const inOrder = (group: (readonly [string, unknown])[], from: string, to: string): Iterable<readonly [string, unknown]> =>
  group.filter(([key]) => key >= from && key < to).sort(([a], [b]) => (a < b ? -1 : 1));
