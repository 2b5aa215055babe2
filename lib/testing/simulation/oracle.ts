import type { TableNode } from '../../../topology/node.ts';
import type { LogEntry, MemoryBroker } from '../../kafka/memory/index.ts';
import type { TopicPartition } from '../../kafka/port.ts';
import type { OutputPlan, Plan, StagePlan } from '../../plan/types.ts';
import type { Serdes } from '../../runtime/serdes.ts';
import { encodeInternal } from '../../serde/index.ts';
import { StageFold, type ExpectedWrite, type Render } from './fold.ts';
import { TableVersions } from './tables.ts';
import { isSame, nameOf, same, show, TaskCheck, textOf, type Written } from './task-check.ts';

export interface OracleOptions {
  readonly plan: Plan;
  readonly broker: MemoryBroker;
  readonly serdes: Serdes;
  readonly partitions: ReadonlyMap<string, number>;
  readonly render: Render;
  /** What of a value is compared, or null: its bytes. */
  readonly steady: ((value: unknown, topic: string) => unknown) | null;
  /** What an outside sink has of one task's writes, compared with what it should have: the differences. */
  readonly sunk: (stage: StagePlan, places: readonly TopicPartition[], writes: readonly ExpectedWrite[]) => readonly string[];
}

const MOST_PROBLEMS = 10;

const isCommitted = ({ record, transaction }: LogEntry): boolean => record !== null && (transaction === null || transaction.outcome === 'committed');

/** Where a dead letter's record was read. */
const originOf = ({ record }: LogEntry): string => {
  const [topic, partition, offset] = ['topic', 'partition', 'offset'].map((name) => textOf(record!.headers.find(([n]) => n === `__streams.errors.${name}`)?.[1] ?? null));
  return `${topic}[${partition}]@${offset}`;
};

/**
 * What should be there after all input has been processed, against what is. For each task its committed input is folded
 * through the stage's functions; what the task wrote must be exactly that, in that order, and its changelog must end in that state.
 */
export class Oracle {
  readonly #options: OracleOptions;
  readonly #tables = new Map<TableNode, TableVersions>();
  readonly #problems: string[] = [];

  constructor(options: OracleOptions) {
    this.#options = options;
    const { plan, broker, serdes, partitions } = options;
    for (const node of plan.tables) this.#tables.set(node, new TableVersions(node, partitions.get(node.topic)!, broker, serdes));
  }

  /** Every difference, the first of each task. */
  async problems(): Promise<readonly string[]> {
    for (const stage of this.#options.plan.stages) {
      for (let partition = 0; partition < this.#tasks(stage) && this.#problems.length < MOST_PROBLEMS; partition += 1) await this.#task(stage, partition);
    }
    this.#strangers();
    return this.#problems;
  }

  /** What is in the topics of the application and was written by none of the tasks that write there, in none of their transactions. */
  #strangers(): void {
    const { plan, partitions } = this.#options;
    const own = plan.topics.filter(({ role }) => role !== 'source' && role !== 'table');
    for (const { topic } of own) {
      const writers = plan.stages.filter(({ outputs, stores, deadLetters }) => deadLetters === topic || outputs.some((output) => output.topic === topic) || stores.some(({ changelog }) => changelog === topic));
      const ids = new Set(writers.flatMap((stage) => Array.from({ length: this.#tasks(stage) }, (_, partition) => stage.transactionalId(partition))));
      for (let partition = 0; partition < (partitions.get(topic) ?? 0) && this.#problems.length < MOST_PROBLEMS; partition += 1) {
        const strange = this.#committed({ topic, partition }).find(({ transaction }) => transaction === null || !ids.has(transaction.transactionalId));
        if (strange !== undefined) this.#problems.push(`${nameOf({ topic, partition })} has a record of ${strange.transaction?.transactionalId ?? 'no transaction'}: ${show(strange.record!)} at offset ${strange.offset}`);
      }
    }
  }

  #tasks({ entries }: StagePlan): number {
    return Math.max(...entries.map(({ topic }) => this.#options.partitions.get(topic)!));
  }

  #committed(place: TopicPartition): LogEntry[] {
    return this.#options.broker.log(place).history.filter(isCommitted);
  }

  #written(stage: StagePlan, partition: number, topic: string): Map<string, Written> {
    const id = stage.transactionalId(partition);
    const written = new Map<string, Written>();
    for (let p = 0; p < this.#options.partitions.get(topic)!; p += 1) {
      const entries = this.#committed({ topic, partition: p }).filter(({ transaction }) => transaction?.transactionalId === id);
      written.set(nameOf({ topic, partition: p }), { entries, next: 0 });
    }
    return written;
  }

  async #task(stage: StagePlan, partition: number): Promise<void> {
    const places = stage.entries.filter(({ topic }) => partition < this.#options.partitions.get(topic)!).map(({ topic }) => ({ topic, partition }));
    const letters = this.#deadLetters(stage, partition);
    const isLetter = new Set(letters.map(originOf));
    const task = new TaskCheck(stage, partition, {
      fold: (lookup) => new StageFold({ ...this.#options, stage, lookup }),
      inputs: places.map((place) => ({ ...place, pending: this.#committed(place) })),
      written: new Map(stage.outputs.flatMap(({ topic }) => [...this.#written(stage, partition, topic)])),
      isSame: (there, output) => isSame(there, output, (a, b) => this.#isSteady(stage.outputs.find(({ topic }) => topic === output.topic)!.codec, output.topic, a, b)),
      isLetter: (place, offset) => isLetter.has(`${nameOf(place)}@${offset}`),
      candidates: (node, key, visibleAt) => this.#tables.get(node)!.candidates(key, visibleAt),
    });
    const problem = await task.run();
    if (problem !== null) {
      this.#problems.push(`task ${stage.name}/${partition}: ${problem}`);
      return;
    }
    this.#letters(`${stage.name}/${partition}`, letters, task.deadLetters);
    for (const { node, changelog } of stage.stores) this.#changelog(stage, changelog, partition, task.fold.states(node), node.state);
    if (stage.sink !== null) for (const difference of this.#options.sunk(stage, places, task.writes)) this.#problems.push(`sink ${stage.name}/${partition}: ${difference}`);
  }

  /** Whether two values differ only in what need not be the same. */
  #isSteady(codec: OutputPlan['codec'], topic: string, a: Buffer | null, b: Buffer | null): boolean {
    const { steady, serdes } = this.#options;
    if (same(a, b)) return true;
    if (steady === null || a === null || b === null) return false;
    const [one, other] = [a, b].map((bytes) => encodeInternal(steady(serdes.decoder(codec).decode(bytes), topic)));
    return one === other;
  }

  #deadLetters(stage: StagePlan, partition: number): LogEntry[] {
    return [...this.#written(stage, partition, stage.deadLetters).values()].flatMap(({ entries }) => entries);
  }

  #letters(task: string, letters: readonly LogEntry[], expected: readonly (readonly [place: TopicPartition, entry: LogEntry])[]): void {
    const describe = (place: string, { record }: LogEntry): string => `${place} ${textOf(record!.key)} = ${textOf(record!.value)}`;
    const actual = letters.map((entry) => describe(originOf(entry), entry));
    const wanted = expected.map(([place, entry]) => describe(`${nameOf(place)}@${entry.offset}`, entry));
    const [a, b] = [actual.toSorted(), wanted.toSorted()];
    const at = a.findIndex((text, i) => text !== b[i]);
    if (a.length === b.length && at === -1) return;
    this.#problems.push(`dead letters of ${task}: ${a.length} instead of ${b.length}; first difference: there is ${a[at === -1 ? b.length : at] ?? 'none'}, there should be ${b[at === -1 ? a.length : at] ?? 'none'}`);
  }

  #changelog(stage: StagePlan, topic: string, partition: number, states: ReadonlyMap<string, unknown>, codec: StagePlan['stores'][number]['node']['state']): void {
    const encoder = this.#options.serdes.encoder(codec, topic);
    const latest = new Map<string, Buffer | null>();
    for (const { record } of this.#committed({ topic, partition })) latest.set(record!.key!.toString('utf8'), record!.value);
    for (const key of new Set([...latest.keys(), ...states.keys()])) {
      const state = states.get(key) ?? null;
      const encoded = state === null ? null : encoder.encode(state);
      const expected = typeof encoded === 'string' ? Buffer.from(encoded, 'utf8') : encoded;
      if (!this.#isSteady(codec, topic, latest.get(key) ?? null, expected)) {
        this.#problems.push(`changelog ${topic}[${partition}] of ${stage.name}: key ${key} ends as ${textOf(latest.get(key) ?? null)}, the fold says ${textOf(expected)}`);
        return;
      }
    }
  }
}
