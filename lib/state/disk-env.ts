import { mkdirSync } from 'node:fs';
import { open, type Database, type RootDatabase } from 'lmdb';
import { messageOf, RejoinError, StopError } from '../core/errors.ts';
import { CorruptStateError, diskError, isNoSpace, isNotWritable } from './disk-errors.ts';
import { bootId, brokenFiles, countOpening, dataBytes, fillUp, flush, forgetOpenings, removeFiles } from './disk-files.ts';

/** Of what lies in the files. Another one is thrown away and restored: there is nothing in them that Kafka has not. */
export const FORMAT = 1;
const STORE_PREFIX = 'store/';
/** Databases beside those of the stores, and a few stores that a newer topology has dropped. */
const MORE_DATABASES = 32;

export interface EnvOptions {
  readonly folder: string;
  readonly owner: string;
  readonly stores: readonly string[];
  /** Bound of the data file. */
  readonly maxBytes: number;
  /** Told why what was there is thrown away. */
  readonly onWiped: (reason: string) => void;
}

export type Bytes = Database<Buffer, Buffer>;

/**
 * The files of one task's state: one database for each store, and one that says whose they are and how far they go. Nothing is flushed:
 * what the operating system has survives the end of this process, and after an end of the machine the files are thrown away unless they
 * were closed.
 */
export class DiskEnv {
  readonly folder: string;
  readonly #options: EnvOptions;
  readonly #root: RootDatabase<Buffer, string>;
  readonly #meta: Database<unknown, string>;
  readonly #stores: ReadonlyMap<string, Bytes>;
  #isOpen = true;
  #isCounted = true;
  #corrupt: string | null = null;
  #closing: Promise<void> | null = null;

  private constructor(options: EnvOptions) {
    this.#options = options;
    this.folder = options.folder;
    this.#root = open<Buffer, string>({
      path: options.folder, noSubdir: false, encoding: 'binary', maxDbs: options.stores.length + MORE_DATABASES,
      noSync: true, overlappingSync: false, noMemInit: true, cache: false,
    });
    this.#meta = this.#root.openDB<unknown, string>('meta', { encoding: 'json' });
    this.#stores = new Map(options.stores.map((name) => [name, this.#root.openDB<Buffer, Buffer>(`${STORE_PREFIX}${name}`, { encoding: 'binary', keyEncoding: 'binary' })]));
  }

  /** Opens what is there, or begins anew where it cannot be relied on. Rejects with `ConfigurationError` when the folder cannot be written, `StopError` when there is no space. */
  static async open(options: EnvOptions): Promise<DiskEnv> {
    const { folder, onWiped } = options;
    try {
      mkdirSync(folder, { recursive: true });
      const broken = brokenFiles(folder);
      if (broken !== null) DiskEnv.#wipe(folder, broken, onWiped);
      countOpening(folder);
      const env = await DiskEnv.#sound(options);
      await env.#take();
      return env;
    } catch (thrown) {
      throw diskError(thrown, folder);
    }
  }

  static #wipe(folder: string, reason: string, onWiped: (reason: string) => void): void {
    onWiped(reason);
    removeFiles(folder);
    mkdirSync(folder, { recursive: true });
  }

  static async #sound(options: EnvOptions): Promise<DiskEnv> {
    let env: DiskEnv | null = null;
    let reason: string | null;
    try {
      env = new DiskEnv(options);
      reason = env.#doubts();
    } catch (thrown) {
      if (isNoSpace(thrown, options.folder) || isNotWritable(thrown)) throw thrown;
      reason = `it cannot be opened (${messageOf(thrown)})`;
    }
    if (env !== null && reason === null) return env;
    if (env !== null) await env.#letGo();
    DiskEnv.#wipe(options.folder, reason!, options.onWiped);
    countOpening(options.folder);
    return new DiskEnv(options);
  }

  /** Why what is there cannot be relied on; null when it can, or when there is nothing. */
  #doubts(): string | null {
    const format = this.#meta.get('format');
    if (format === undefined) return this.#meta.getKeysCount() === 0 ? null : 'it does not say what format it has';
    if (format !== FORMAT) return `it has format ${String(format)}, not ${FORMAT}`;
    const boot = bootId();
    if (this.#meta.get('clean') === true || (boot !== null && this.#meta.get('boot') === boot)) return null;
    return boot === null ? 'it was not closed, and whether the machine has restarted since cannot be told' : 'the machine has restarted since, and it was not closed before';
  }

  /** From now on the files are this owner's, and nobody may take them for closed ones. */
  async #take(): Promise<void> {
    const wasClean = this.#meta.get('clean') === true;
    this.#root.transactionSync(() => {
      this.#put('format', FORMAT);
      this.#put('owner', this.#options.owner);
      this.#put('boot', bootId());
      this.#put('clean', false);
      this.#dropForgotten();
    });
    if (wasClean) await flush(this.folder);
  }

  /** Stores that the topology has no more. */
  #dropForgotten(): void {
    for (const key of [...this.#meta.getKeys()]) {
      if (!key.startsWith(STORE_PREFIX) || this.#stores.has(key.slice(STORE_PREFIX.length))) continue;
      this.#root.openDB<Buffer, Buffer>(key, { encoding: 'binary', keyEncoding: 'binary' }).dropSync();
      this.#meta.removeSync(key);
    }
  }

  #put(key: string, value: unknown): void {
    this.#meta.putSync(key, value);
  }

  store(name: string): Bytes {
    return this.#stores.get(name)!;
  }

  entries(name: string): number {
    return (this.store(name).getStats() as { readonly entryCount: number }).entryCount;
  }

  /** What is remembered of a store. */
  remembered(name: string): unknown {
    return this.#meta.get(`${STORE_PREFIX}${name}`);
  }

  /** To be called in a transaction. */
  remember(name: string, what: unknown): void {
    if (what === null) this.#meta.removeSync(`${STORE_PREFIX}${name}`);
    else this.#put(`${STORE_PREFIX}${name}`, what);
  }

  /** Reads; what cannot be read is remembered, and thrown away when the files are closed. */
  read<T>(read: () => T): T {
    this.#throwClosed();
    try {
      return read();
    } catch (thrown) {
      throw this.#failed(thrown);
    }
  }

  /** One local transaction, of the owner only: all of it or nothing. */
  write(write: () => void): void {
    this.#throwClosed();
    try {
      this.#throwFull();
      this.#root.transactionSync(() => {
        if (!this.#isOwner()) throw new RejoinError(`the state in ${this.folder} has a newer owner`);
        write();
      });
      const { lastPageNumber, pageSize } = this.#root.getStats() as { readonly lastPageNumber: number; readonly pageSize: number };
      fillUp(this.folder, (lastPageNumber + 1) * pageSize);
    } catch (thrown) {
      throw this.#failed(thrown);
    }
  }

  /** The files have carried a commit: if this process is killed, it is not by them. */
  proven(): void {
    if (this.#isCounted) forgetOpenings(this.folder);
    this.#isCounted = false;
  }

  #throwClosed(): void {
    if (!this.#isOpen) throw new RejoinError(`the state in ${this.folder} is closed`);
  }

  #throwFull(): void {
    const { maxBytes } = this.#options;
    const bytes = dataBytes(this.folder);
    if (bytes < maxBytes) return;
    throw new StopError(`the state in ${this.folder} has ${bytes} bytes, and MILLRACE_STATE_MAX_BYTES allows a task ${maxBytes}; Kafka has everything, the state on disk stays behind it`, {
      hint: 'Raise MILLRACE_STATE_MAX_BYTES, or give the topics more partitions',
    });
  }

  #failed(thrown: unknown): Error {
    const error = diskError(thrown, this.folder);
    if (error instanceof CorruptStateError) this.#corrupt ??= error.message;
    return error;
  }

  /** Lets go of the files, such that they outlast an end of the machine; those that could not be read are thrown away. Never rejects; every caller waits for the same end. */
  close(): Promise<void> {
    this.#isOpen = false;
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    let isOwner = true;
    try {
      if (this.#corrupt === null) await this.#seal();
      else isOwner = this.#isOwner();
    } catch {
      // They are as after a crash: good until the machine ends. Of those that are broken nobody can say whose they are.
    }
    await this.#letGo();
    if (this.#corrupt !== null && isOwner) DiskEnv.#wipe(this.folder, this.#corrupt, this.#options.onWiped);
  }

  #isOwner(): boolean {
    return this.#meta.get('owner') === this.#options.owner;
  }

  async #seal(): Promise<void> {
    await flush(this.folder);
    // In one transaction: a newer owner may take the files between a look and a write.
    const isSealed = this.#root.transactionSync(() => {
      if (!this.#isOwner()) return false;
      this.#put('clean', true);
      return true;
    });
    if (!isSealed) return;
    await flush(this.folder);
    forgetOpenings(this.folder);
  }

  async #letGo(): Promise<void> {
    this.#isOpen = false;
    await this.#root.close().catch(() => undefined);
  }
}
