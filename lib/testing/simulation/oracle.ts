import type { TableNode } from '../../../topology/node.ts';
import type { LogEntry, LogRecord, MemoryBroker } from '../../kafka/memory/index.ts';
import type { RecordHeaders, TopicPartition } from '../../kafka/port.ts';
import type { OutputPlan, Plan, StagePlan } from '../../plan/types.ts';
import type { Serdes } from '../../runtime/serdes.ts';
import { encodeInternal } from '../../serde/index.ts';
import { StageFold, type Effects, type ExpectedRecord, type ExpectedWrite, type Lookup, type Render } from './fold.ts';
import { TableVersions } from './tables.ts';

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

/** Of what a record may have met in tables, so many combinations are tried. */
const MOST_COMBINATIONS = 300;
const MOST_PROBLEMS = 10;

const isCommitted = ({ record, transaction }: LogEntry): boolean => record !== null && (transaction === null || transaction.outcome === 'committed');

const nameOf = ({ topic, partition }: TopicPartition): string => `${topic}[${partition}]`;

const textOf = (bytes: Buffer | null): string => (bytes === null ? 'null' : bytes.toString('utf8').slice(0, 200));

const same = (a: Buffer | null, b: Buffer | null): boolean => (a === null || b === null ? a === b : a.equals(b));

/** Where a dead letter's record was read. */
const originOf = ({ record }: LogEntry): string => {
  const [topic, partition, offset] = ['topic', 'partition', 'offset'].map((name) => textOf(record!.headers.find(([n]) => n === `__streams.errors.${name}`)?.[1] ?? null));
  return `${topic}[${partition}]@${offset}`;
};

const show = ({ key, value, timestamp }: { readonly key: Buffer | null; readonly value: Buffer | null; readonly timestamp: number }): string => `${textOf(key)} = ${textOf(value)} at ${timestamp}`;

/** Committed records of one writer in one partition, and how many of them have been explained. */
interface Written {
  readonly entries: readonly LogEntry[];
  next: number;
}

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
    const { plan, partitions } = this.#options;
    for (const stage of plan.stages) {
      const tasks = Math.max(...stage.entries.map(({ topic }) => partitions.get(topic)!));
      for (let partition = 0; partition < tasks && this.#problems.length < MOST_PROBLEMS; partition += 1) await this.#task(stage, partition);
    }
    return this.#problems;
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

interface TaskInput extends TopicPartition {
  /** What has not been explained, in order. */
  readonly pending: LogEntry[];
}

/** A record that may be the next to have been done. */
interface Head {
  readonly input: TaskInput;
  readonly entry: LogEntry;
}

interface TaskCheckOptions {
  readonly fold: (lookup: Lookup) => StageFold;
  readonly inputs: readonly TaskInput[];
  readonly written: ReadonlyMap<string, Written>;
  /** Whether the record is among the task's dead letters. */
  readonly isLetter: (place: TopicPartition, offset: number) => boolean;
  readonly isSame: (there: LogRecord, output: ExpectedRecord) => boolean;
  readonly candidates: (node: TableNode, key: unknown, visibleAt: number) => readonly unknown[];
}

const leadsToNothing = ({ outputs, writes, states }: Effects): boolean => outputs.length === 0 && writes.length === 0 && states.size === 0;

/** One task: finds an order of its inputs, and table versions, that explain what it wrote. */
class TaskCheck {
  readonly fold: StageFold;
  readonly writes: ExpectedWrite[] = [];
  readonly deadLetters: (readonly [TopicPartition, LogEntry])[] = [];
  readonly #options: TaskCheckOptions;
  readonly #name: string;
  /** Which candidate each lookup of the record under way gets, and how many there were. */
  #choices: number[] = [];
  #counts: number[] = [];
  #visibleAt = 0;

  constructor(stage: StagePlan, partition: number, options: TaskCheckOptions) {
    this.#options = options;
    this.#name = `${stage.name}/${partition}`;
    this.fold = options.fold((node, key) => this.#lookup(node, key));
  }

  #lookup(node: TableNode, key: unknown): unknown {
    const candidates = this.#options.candidates(node, key, this.#visibleAt);
    const choice = this.#choices[this.#counts.length] ?? 0;
    this.#counts.push(candidates.length);
    return candidates[choice];
  }

  /** Of each input the next record, the one with the lowest time first; behind them, where records may overtake each other, those that may have. */
  #heads(): Head[] {
    return Array.from({ length: this.fold.concurrency }, (_, place) => this.#options.inputs
      .flatMap((input) => (place < input.pending.length ? [{ input, entry: input.pending[place]! }] : []))
      .toSorted((a, b) => a.entry.record!.timestamp - b.entry.record!.timestamp)).flat();
  }

  async #firstOf(heads: readonly Head[], isWanted: (effects: Effects) => boolean): Promise<boolean> {
    for (const head of heads) if (await this.#explain(head, isWanted)) return true;
    return false;
  }

  /** The first difference, or null. */
  async run(): Promise<string | null> {
    const { written } = this.#options;
    for (let heads = this.#heads(); heads.length > 0; heads = this.#heads()) {
      // What leads to nothing can only go wrong by waiting: the state may become one in which it would lead to something.
      const found = (heads.length > 1 && (await this.#firstOf(heads, leadsToNothing))) || (await this.#firstOf(heads, () => true));
      if (!found) return this.#unexplained(heads[0]!);
    }
    for (const [name, { entries, next }] of written) {
      if (next < entries.length) return `${entries.length - next} records too many in ${name}, the first: ${show(entries[next]!.record!)} at offset ${entries[next]!.offset}`;
    }
    return null;
  }

  async #explain({ input, entry }: Head, isWanted: (effects: Effects) => boolean): Promise<boolean> {
    this.#choices = [];
    for (let tried = 0; tried < MOST_COMBINATIONS; tried += 1) {
      const effects = await this.#effects(input, entry);
      if (isWanted(effects) && effects.isDeadLetter === this.#options.isLetter(input, entry.offset) && this.#matches(effects)) {
        this.#accept(input, entry, effects);
        return true;
      }
      if (!this.#nextChoice()) return false;
    }
    return false;
  }

  #effects(input: TaskInput, entry: LogEntry): Promise<Effects> {
    this.#counts = [];
    this.#visibleAt = entry.visibleAt;
    return this.fold.effects(input.topic, input.partition, entry);
  }

  #nextChoice(): boolean {
    for (let i = this.#counts.length - 1; i >= 0; i -= 1) {
      const choice = (this.#choices[i] ?? 0) + 1;
      if (choice < this.#counts[i]!) {
        this.#choices = [...Array.from({ length: i }, (_, n) => this.#choices[n] ?? 0), choice];
        return true;
      }
    }
    return false;
  }

  #matches({ outputs }: Effects): boolean {
    const passed = new Map<Written, number>();
    for (const output of outputs) {
      const written = this.#options.written.get(nameOf(output))!;
      const at = written.next + (passed.get(written) ?? 0);
      const there = written.entries[at]?.record;
      if (there === undefined || there === null || !this.#options.isSame(there, output)) return false;
      passed.set(written, (passed.get(written) ?? 0) + 1);
    }
    return true;
  }

  #accept(input: TaskInput, entry: LogEntry, effects: Effects): void {
    input.pending.splice(input.pending.indexOf(entry), 1);
    this.fold.apply(effects);
    this.writes.push(...effects.writes);
    if (effects.isDeadLetter) this.deadLetters.push([{ topic: input.topic, partition: input.partition }, entry]);
    for (const output of effects.outputs) this.#options.written.get(nameOf(output))!.next += 1;
  }

  async #unexplained({ input, entry }: Head): Promise<string> {
    this.#choices = [];
    const { outputs, isDeadLetter } = await this.#effects(input, entry);
    const lines = outputs.map((output) => {
      const written = this.#options.written.get(nameOf(output))!;
      const there = written.entries[written.next];
      return `  ${nameOf(output)} should go on with ${show(output)}, and ${there === undefined ? 'ends there' : `goes on with ${show(there.record!)} (offset ${there.offset})`}`;
    });
    const isLetter = this.#options.isLetter(input, entry.offset);
    if (isDeadLetter !== isLetter) return `${nameOf(input)}@${entry.offset} (${show(entry.record!)}) is ${isLetter ? 'a' : 'no'} dead letter, and should be ${isLetter ? 'none' : 'one'}`;
    return `${nameOf(input)}@${entry.offset} (${show(entry.record!)}) of ${this.#name} is not in the output as it should be\n${lines.join('\n')}`;
  }
}

const headersText = (headers: RecordHeaders): string => JSON.stringify(headers.map(([name, value]) => [name, value?.toString('latin1') ?? null]));

const isSame = (there: LogRecord, { key, value, timestamp, headers }: ExpectedRecord, isSameValue: (a: Buffer | null, b: Buffer | null) => boolean): boolean =>
  there.timestamp === timestamp && same(there.key, key) && headersText(there.headers) === headersText(headers) && isSameValue(there.value, value);
