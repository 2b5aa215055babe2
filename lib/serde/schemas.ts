import type { Type } from 'avsc';
import type { AvroSchema } from '../../topology/codecs.ts';
import { messageOf, StopError } from '../core/errors.ts';
import { parseWriter } from './avro-schema.ts';

/** What is known of a schema id: its type, or why there is none. */
export type Lookup = { readonly type: Type } | { readonly reason: string };

/** Where schemas come from and go to: a registry, or a table in this process. */
export interface Schemas {
  /** What was last learned of an id; undefined when nothing was. */
  peek(id: number): Lookup | undefined;
  /** Whether `peek` may be relied on: false for an id never asked for, and for one found unknown some time ago. */
  isCurrent(id: number): boolean;
  /** Makes `isCurrent` true. Rejects with `RetryError` while the registry cannot be reached, `StopError` when it does not let us in. */
  fetch(id: number): Promise<void>;
  /** Makes `isCurrent` false until `fetch` has asked again, for a schema that may have been mended; `peek` keeps what it has until then. */
  doubt?(id: number): void;
  /** Where a schema stands, such as `version 2 of orders-value`; null where nobody knows or nobody answers. Never rejects. */
  versions?(id: number): Promise<string | null>;
  /** Registers a schema and gives its id; the same schema again gives the same id. Rejects as `fetch` does, and with `StopError` when the registry refuses the schema. */
  register(subject: string, schema: AvroSchema): Promise<number>;
  /** The same at once, where nobody has to be asked: an encoder is then ready when it is made. Throws `StopError`. */
  registerNow?(subject: string, schema: AvroSchema): number;
}

/** Schemas without a registry: ids are handed out in this process. For tests and `drive`. */
export class LocalSchemas implements Schemas {
  readonly #ids = new Map<string, number>();
  readonly #lookups: Lookup[] = [];

  peek(id: number): Lookup {
    return this.#lookups[id - 1] ?? { reason: `no schema has the id ${id}` };
  }

  isCurrent(): boolean {
    return true;
  }

  fetch(): Promise<void> {
    return Promise.resolve();
  }

  async register(subject: string, schema: AvroSchema): Promise<number> {
    return this.registerNow(subject, schema);
  }

  registerNow(subject: string, schema: AvroSchema): number {
    const text = JSON.stringify(schema);
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    try {
      this.#lookups.push({ type: parseWriter(JSON.parse(text) as AvroSchema) });
    } catch (cause) {
      throw new StopError(`the schema of ${subject} is not valid: ${messageOf(cause)}`, { cause });
    }
    this.#ids.set(text, this.#lookups.length);
    return this.#lookups.length;
  }
}
