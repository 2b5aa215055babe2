import type { Clock } from '../core/clock.ts';
import type { RateLimitedLog } from '../core/logger.ts';
import type { KafkaAdmin, TopicPartition } from '../kafka/port.ts';
import type { StagePlan } from '../plan/types.ts';
import { placesOf } from './open.ts';

/** Between two questions to Kafka. */
const ASK_INTERVAL_MS = 5_000;

export interface Lag {
  readonly records: number;
  /** For how long the oldest of them has waited. */
  readonly ms: number;
}

export interface CommittedLagOptions {
  readonly admin: KafkaAdmin;
  readonly clock: Clock;
  readonly limited: RateLimitedLog;
  readonly stage: Pick<StagePlan, 'name' | 'group'>;
  /** Asked each time before; false: others tell of these partitions. Default: always true. */
  readonly isMine?: () => Promise<boolean>;
}

interface Known {
  readonly records: number;
  /** Since when one knows that there are any. */
  readonly sinceMs: number;
}

const keyOf = ({ topic, partition }: TopicPartition): string => `${topic} ${partition}`;

/**
 * How far partitions that no task reads are behind, by what their group has committed. Kafka is asked while somebody wants to know, one question
 * at a time and seldom; the answer is what was known last.
 */
export class CommittedLag {
  readonly #options: CommittedLagOptions;
  #known: ReadonlyMap<string, Known> = new Map();
  #askedMs = -Infinity;
  #asking = false;

  constructor(options: CommittedLagOptions) {
    this.#options = options;
  }

  of(places: readonly TopicPartition[]): Lag {
    const { clock, limited, stage } = this.#options;
    const known = new Map(places.flatMap((place) => {
      const found = this.#known.get(keyOf(place));
      return found === undefined ? [] : [[keyOf(place), found] as const];
    }));
    this.#known = known;
    if (places.length > 0 && !this.#asking && clock.monotonic() >= this.#askedMs + ASK_INTERVAL_MS) {
      this.#asking = true;
      this.#askedMs = clock.monotonic();
      this.#ask(places).catch((error: unknown) => limited.warn(`lag ${stage.name}`, 'how far a stage is behind cannot be asked', { stage: stage.name, error })).finally(() => {
        this.#asking = false;
      });
    }
    const behind = [...known.values()].filter(({ records }) => records > 0);
    return {
      records: behind.reduce((sum, { records }) => sum + records, 0),
      ms: behind.length === 0 ? 0 : Math.max(0, clock.now() - Math.min(...behind.map(({ sinceMs }) => sinceMs))),
    };
  }

  async #ask(places: readonly TopicPartition[]): Promise<void> {
    const { admin, clock, stage, isMine } = this.#options;
    if (isMine !== undefined && !(await isMine())) {
      this.#known = new Map();
      return;
    }
    const [committed, starts, ends] = await Promise.all([admin.committed(stage.group, places), admin.startOffsets(places), admin.endOffsets(places, 'read_uncommitted')]);
    const offsets = new Map([...starts, ...committed].map((position) => [keyOf(position), position.offset]));
    const nowMs = clock.now();
    this.#known = new Map(ends.map((end) => {
      const key = keyOf(end);
      const before = this.#known.get(key);
      return [key, { records: Math.max(0, end.offset - offsets.get(key)!), sinceMs: before === undefined || before.records === 0 ? nowMs : before.sinceMs }];
    }));
  }
}

export interface GroupLagOptions extends Omit<CommittedLagOptions, 'isMine'> {
  readonly stage: StagePlan;
  /** Partition count of every topic of the plan. */
  readonly partitions: ReadonlyMap<string, number>;
}

/** How far a stage is behind in all its partitions, for one who is no member of its group. Where others are members, they tell, and this is nothing. */
export const groupLag = (options: GroupLagOptions): (() => Lag) => {
  const { admin, stage, partitions } = options;
  const lag = new CommittedLag({ ...options, isMine: async () => (await admin.groupSizes([stage.group]))[0] === 0 });
  const most = Math.max(...stage.entries.map(({ topic }) => partitions.get(topic)!));
  const places = Array.from({ length: most }, (_, partition) => placesOf(options, partition)).flat();
  return () => lag.of(places);
};
