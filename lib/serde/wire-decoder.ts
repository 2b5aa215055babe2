import type { Type } from 'avsc';
import { DeadLetterError, messageOf, StopError } from '../core/errors.ts';
import { Incompatible, Mismatch, type Read } from './avro-reader.ts';
import { Cursor, Malformed } from './cursor.ts';
import type { Schemas } from './schemas.ts';
import { UnreadableSchemaError, type RecordBytes } from './serde.ts';
import { foreign, HEADER_BYTES, schemaIdOf } from './wire.ts';

/** A batch of garbage may name as many ids as it has records. */
const CONCURRENT_FETCHES = 8;

interface Compiled {
  readonly id: number;
  readonly name: string;
  /** Null when no value of the writer's schema can be read; then `problem` says why. */
  readonly read: Read | null;
  readonly problem: string;
}

/** Reads values in the registry's wire format with one compiled reader per schema id. */
export class WireDecoder {
  readonly #schemas: Schemas;
  readonly #compile: (writer: Type) => Read;
  readonly #what: string;
  readonly #compiled = new Map<number, Compiled>();
  /** Ids of schemas that are no obstacle, as of `prepare`. */
  readonly #readable = new Set<number>();
  /** Schema id -> where the registry has it, for those that an error names; null when it was asked in vain. */
  readonly #versions = new Map<number, string | null>();
  readonly #cursor = new Cursor();
  #last: Compiled = { id: -1, name: '', read: null, problem: '' };

  /** `compile` throws `Mismatch` for a writer's schema that it cannot read, `Incompatible` when it is a version of ours; `what` is 'key' or 'value'. */
  constructor(schemas: Schemas, what: string, compile: (writer: Type) => Read) {
    this.#schemas = schemas;
    this.#what = what;
    this.#compile = compile;
  }

  /** Fetches the schemas of these bytes that are not known; undefined when there are none. */
  prepare(count: number, at: (i: number) => Buffer | null): Promise<void> | undefined {
    let missing: Set<number> | undefined;
    let last = this.#last.id;
    for (let i = 0; i < count; i += 1) {
      const bytes = at(i);
      if (bytes === null) continue;
      const id = schemaIdOf(bytes);
      if (id < 0 || id === last) continue;
      if (this.#compiled.has(id) || (this.#schemas.isCurrent(id) && !(this.#isIncompatible(id) && !this.#versions.has(id)))) last = id;
      else (missing ??= new Set()).add(id);
    }
    return missing === undefined ? undefined : this.#fetch(missing);
  }

  async #fetch(ids: Set<number>): Promise<void> {
    const rest = ids.values();
    const fetchRest = async (): Promise<void> => {
      for (const id of rest) await this.#schemas.fetch(id);
    };
    await Promise.all(Array.from({ length: CONCURRENT_FETCHES }, fetchRest));
    const incompatible = [...ids].filter((id) => this.#isIncompatible(id));
    if (incompatible.length === 0) return;
    // The error that decoding will make names versions, of the schema before as well, which only the registry knows.
    const before = [...this.#readable].slice(-CONCURRENT_FETCHES);
    await Promise.all([...new Set([...incompatible.slice(0, CONCURRENT_FETCHES), ...before])].map((id) => this.#learnVersions(id)));
  }

  /** Whether decoding will come to stand at a schema, where there are versions to be told then. */
  #isIncompatible(id: number): boolean {
    if (this.#schemas.versions === undefined || this.#readable.has(id)) return false;
    const lookup = this.#schemas.peek(id);
    if (lookup === undefined || !('type' in lookup)) return false;
    try {
      this.#compile(lookup.type);
    } catch (thrown) {
      if (thrown instanceof Incompatible) return true;
    }
    this.#readable.add(id);
    return false;
  }

  async #learnVersions(id: number): Promise<void> {
    this.#versions.set(id, this.#versions.get(id) ?? await this.#schemas.versions!(id));
  }

  /** A schema by its id, and by its version where that is known. */
  #named(id: number, name = ''): string {
    const about = [name, this.#versions.get(id)].filter(Boolean);
    return about.length === 0 ? `schema ${id}` : `schema ${id} (${about.join(', ')})`;
  }

  /** Throws `DeadLetterError`, `UnreadableSchemaError` among it. */
  decode(bytes: Buffer): unknown {
    const id = schemaIdOf(bytes);
    if (id < 0) throw foreign(this.#what, bytes);
    const compiled = id === this.#last.id ? this.#last : this.#get(id);
    if (compiled.read === null) throw new DeadLetterError(compiled.problem);
    const cursor = this.#cursor;
    try {
      cursor.start(bytes, HEADER_BYTES);
      const value = compiled.read(cursor);
      cursor.finish();
      return value;
    } catch (thrown) {
      throw this.#unreadable(compiled, thrown);
    }
  }

  #unreadable(compiled: Compiled, thrown: unknown): unknown {
    if (thrown instanceof Malformed) return new DeadLetterError(`the ${this.#what} is not what its schema ${compiled.id} (${compiled.name}) says: ${thrown.message}`, { cause: thrown });
    if (thrown instanceof Mismatch) return new DeadLetterError(`schema ${compiled.id} (${compiled.name}), ${thrown.message}`, { cause: thrown });
    return thrown;
  }

  #get(id: number): Compiled {
    const known = this.#compiled.get(id);
    if (known !== undefined) return (this.#last = known);
    const lookup = this.#schemas.peek(id);
    if (lookup === undefined) throw new StopError(`decoding before prepare: schema ${id} was not fetched`);
    if (!('type' in lookup)) throw new DeadLetterError(lookup.reason);
    const compiled = this.#make(id, lookup.type);
    this.#compiled.set(id, compiled);
    return (this.#last = compiled);
  }

  #make(id: number, writer: Type): Compiled {
    const name = writer.name ?? writer.typeName;
    try {
      return { id, name, read: this.#compile(writer), problem: '' };
    } catch (thrown) {
      if (thrown instanceof Incompatible) throw this.#incompatible(id, name, thrown);
      return { id, name, read: null, problem: `schema ${id} (${name}) cannot be read, ${messageOf(thrown)}` };
    }
  }

  /** Not remembered: the schema is asked for anew, in case somebody has mended it. */
  #incompatible(id: number, name: string, cause: Incompatible): UnreadableSchemaError {
    this.#schemas.doubt?.(id);
    const before = this.#last.read === null ? '' : `; the records before it have ${this.#named(this.#last.id)}`;
    return new UnreadableSchemaError(`${this.#named(id, name)} cannot be read, ${cause.message}${before}`, id, {
      cause, hint: "Change the topology's schema so that it reads both (a default, an alias, the wider type) and deploy it; nothing is lost until then",
    });
  }
}

export const valuesOf = (batch: RecordBytes) => (i: number): Buffer | null => batch.value(i);
export const keysOf = (batch: RecordBytes) => (i: number): Buffer | null => batch.key(i);
