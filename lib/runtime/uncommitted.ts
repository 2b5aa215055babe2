import type { Clock } from '../core/clock.ts';
import type { Config } from '../core/config.ts';
import type { Position } from '../kafka/port.ts';

const NOTHING = { records: 0, firstMs: null };

/** What a task has done since its last commit, and when the next one is due. */
export class Uncommitted {
  readonly #clock: Clock;
  readonly #config: Config;
  readonly #positions = new Map<string, number>();
  #changed = new Set<string>();
  #records = 0;
  #firstMs: number | null = null;
  /** What the commit under way is about: how many records, and the timestamp of the first. */
  #committing: { readonly records: number; readonly firstMs: number | null } = NOTHING;
  #sinceMs: number | null = null;
  #requested = false;

  constructor(clock: Clock, config: Config) {
    this.#clock = clock;
    this.#config = config;
  }

  get records(): number {
    return this.#records;
  }

  /** Records, with those that the commit under way is about. */
  get unsettled(): number {
    return this.#records + this.#committing.records;
  }

  /** Kafka timestamp of the first of them, or of a record that is begun; null: none. */
  get oldestMs(): number | null {
    return this.#committing.firstMs ?? this.#firstMs;
  }

  /** A record of this Kafka timestamp is begun: from the first one on the commit interval runs. */
  begin(timestamp: number): void {
    this.#firstMs ??= timestamp;
    this.#wait();
  }

  finished(): void {
    this.#wait();
    this.#records += 1;
  }

  #wait(): void {
    this.#sinceMs ??= this.#clock.monotonic();
  }

  progressed(topic: string, nextOffset: number): void {
    this.#positions.set(topic, nextOffset);
    this.#changed.add(topic);
    this.#wait();
  }

  request(): void {
    this.#requested = true;
  }

  /** Commits that carry no record wait longer: they only move offsets over markers. */
  #intervalMs(): number {
    const { commitIntervalMs, sinkCommitIntervalMs } = this.#config;
    return this.#records > 0 ? commitIntervalMs : Math.max(commitIntervalMs, sinkCommitIntervalMs);
  }

  dueInMs(): number | null {
    return this.#sinceMs === null ? null : this.#sinceMs + this.#intervalMs() - this.#clock.monotonic();
  }

  isDue(outputBytes: number): boolean {
    if (this.#changed.size === 0) return false;
    return this.#requested || this.#records >= this.#config.commitRecords || outputBytes >= this.#config.commitBytes || (this.dueInMs() ?? 1) <= 0;
  }

  /** The positions to commit; what comes from now on belongs to the next commit. */
  take(partition: number): Position[] {
    const positions = [...this.#changed].map((topic) => ({ topic, partition, offset: this.#positions.get(topic)! }));
    this.#changed = new Set();
    this.#committing = { records: this.#records, firstMs: this.#firstMs };
    this.#firstMs = null;
    this.#records = 0;
    this.#sinceMs = null;
    this.#requested = false;
    return positions;
  }

  /** The commit that `take` was for has ended. */
  ended(): void {
    this.#committing = NOTHING;
  }
}
