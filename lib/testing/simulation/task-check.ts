import type { TableNode } from '../../../topology/node.ts';
import type { LogEntry, LogRecord } from '../../kafka/memory/index.ts';
import type { RecordHeaders, TopicPartition } from '../../kafka/port.ts';
import type { StagePlan } from '../../plan/types.ts';
import type { Effects, ExpectedRecord, ExpectedWrite, Lookup, StageFold } from './fold.ts';

/** Of what a record may have met in tables, so many combinations are tried. */
const MOST_COMBINATIONS = 300;

export const nameOf = ({ topic, partition }: TopicPartition): string => `${topic}[${partition}]`;

export const textOf = (bytes: Buffer | null): string => (bytes === null ? 'null' : bytes.toString('utf8').slice(0, 200));

export const same = (a: Buffer | null, b: Buffer | null): boolean => (a === null || b === null ? a === b : a.equals(b));

export const show = ({ key, value, timestamp }: { readonly key: Buffer | null; readonly value: Buffer | null; readonly timestamp: number }): string => `${textOf(key)} = ${textOf(value)} at ${timestamp}`;

/** Committed records of one writer in one partition, and how many of them have been explained. */
export interface Written {
  readonly entries: readonly LogEntry[];
  next: number;
}

const headersText = (headers: RecordHeaders): string => JSON.stringify(headers.map(([name, value]) => [name, value?.toString('latin1') ?? null]));

export const isSame = (there: LogRecord, { key, value, timestamp, headers }: ExpectedRecord, isSameValue: (a: Buffer | null, b: Buffer | null) => boolean): boolean =>
  there.timestamp === timestamp && same(there.key, key) && headersText(there.headers) === headersText(headers) && isSameValue(there.value, value);

export interface TaskInput extends TopicPartition {
  /** What has not been explained, in order. */
  readonly pending: LogEntry[];
}

/** A record that may be the next to have been done. */
interface Head {
  readonly input: TaskInput;
  readonly entry: LogEntry;
}

export interface TaskCheckOptions {
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
export class TaskCheck {
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
