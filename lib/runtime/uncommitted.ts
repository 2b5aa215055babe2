import type { Clock } from '../core/clock.ts';
import type { Config } from '../core/config.ts';
import type { Position } from '../kafka/port.ts';

/** What a task has done since its last commit, and when the next one is due. */
export class Uncommitted {
  readonly #clock: Clock;
  readonly #config: Config;
  readonly #positions = new Map<string, number>();
  #changed = new Set<string>();
  #records = 0;
  #sinceMs: number | null = null;
  #requested = false;

  constructor(clock: Clock, config: Config) {
    this.#clock = clock;
    this.#config = config;
  }

  get records(): number {
    return this.#records;
  }

  /** A record is begun: from the first one on the commit interval runs. */
  begin(): void {
    this.#sinceMs ??= this.#clock.monotonic();
  }

  finished(): void {
    this.begin();
    this.#records += 1;
  }

  progressed(topic: string, nextOffset: number): void {
    this.#positions.set(topic, nextOffset);
    this.#changed.add(topic);
    this.begin();
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
    this.#records = 0;
    this.#sinceMs = null;
    this.#requested = false;
    return positions;
  }
}
