import type { Change } from '../../../topology/codecs.ts';
import type { TableNode } from '../../../topology/node.ts';
import type { MemoryBroker } from '../../kafka/memory/index.ts';
import { lookupKey, mergeUnavailable, NO_VALUE } from '../../serde/index.ts';
import type { Serdes } from '../../runtime/serdes.ts';

type Row = Readonly<Record<string, unknown>>;

interface Version {
  readonly appendedAt: number;
  /** Undefined: no row any more. */
  readonly row: Row | undefined;
}

/** Every version of every row of a table, as its topic tells them. */
export class TableVersions {
  readonly #versions = new Map<unknown, Version[]>();
  readonly #aliases = new Map<unknown, unknown>();
  readonly #node: TableNode;

  constructor(node: TableNode, partitions: number, broker: MemoryBroker, serdes: Serdes) {
    this.#node = node;
    const values = serdes.tableValues(node.codec);
    const keys = serdes.tableKeys(node.codec);
    const entries = Array.from({ length: partitions }, (_, partition) => broker.log({ topic: node.topic, partition }).history).flat()
      .filter(({ record, transaction }) => record !== null && (transaction === null || transaction.outcome === 'committed'))
      .toSorted((a, b) => a.appendedAt - b.appendedAt);
    for (const { record, appendedAt } of entries) {
      try {
        const value = values.decode(record!.value);
        const key = lookupKey(keys.decode(record!.key));
        if (value === NO_VALUE) this.#gone(key, appendedAt);
        else if (node.codec.kind !== 'debezium') this.#put(value as Row, key, appendedAt);
        else if ((value as Change<Row>).after !== null) this.#put((value as Change<Row>).after!, key, appendedAt);
        else this.#gone(key, appendedAt);
      } catch {
        // A row that cannot be read leaves the table as it was.
      }
    }
  }

  #put(row: Row, named: unknown, appendedAt: number): void {
    const { key } = this.#node;
    const own = lookupKey(typeof key === 'string' ? row[key] : key.map((column) => row[column]));
    const former = this.#aliases.get(named) ?? named;
    const previous = this.#versions.get(former)?.at(-1)?.row;
    if (former !== own && previous !== undefined) this.#gone(named, appendedAt);
    if (named !== own) this.#aliases.set(named, own);
    this.#add(own, { appendedAt, row: mergeUnavailable(row, previous) });
  }

  #gone(named: unknown, appendedAt: number): void {
    this.#add(this.#aliases.get(named) ?? named, { appendedAt, row: undefined });
    this.#aliases.delete(named);
  }

  #add(key: unknown, version: Version): void {
    const versions = this.#versions.get(key) ?? [];
    this.#versions.set(key, versions);
    versions.push(version);
  }

  /**
   * What a lookup may have found for a record that came to be seen at that moment: the version of then, which the runtime
   * promises at least, or any later one.
   */
  candidates(key: unknown, visibleAt: number): readonly (Row | undefined)[] {
    const versions = this.#versions.get(lookupKey(key)) ?? [];
    const then = versions.findLastIndex((version) => version.appendedAt < visibleAt);
    const later = versions.slice(then + 1).map(({ row }) => row);
    return [then === -1 ? undefined : versions[then]!.row, ...later];
  }
}
