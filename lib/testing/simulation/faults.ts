import type { Clock } from '../../core/clock.ts';
import type { CrashPoint } from '../../core/crash-points.ts';
import type { Fate } from '../../kafka/memory/index.ts';
import type { Random } from '../random.ts';
import type { Trace } from './trace.ts';

/**
 * What can go wrong. `crash`: a worker's process ends at once and is started again later. `crash-point`: it does so between two
 * steps of opening a task, of a commit or of a write to a sink. `freeze`: it stops, often for longer than its
 * session, and goes on as if nothing had been. `lost-request`, `lost-answer`, `late-request` (it takes effect after the caller has given
 * up), `broken-connection`: what becomes of one call. `slow`: a call takes long. `rolling`: workers are stopped gracefully and started
 * again. `scale`: one more worker for a while. `outage`: the whole cluster does not answer for a while. `clock-jump`: a
 * worker's wall clock is moved. `compaction`: the cleaner runs. `sink`: outside systems refuse, or are down. `sink-loss`: Redis
 * loses its last second. `poison`: between the records of a stream's topic comes one that cannot be read. `late`: a record is older than those
 * before it.
 */
export const FAULTS = [
  'crash', 'crash-point', 'freeze', 'lost-request', 'lost-answer', 'late-request', 'broken-connection', 'slow', 'rolling', 'scale', 'outage', 'clock-jump', 'compaction', 'sink', 'sink-loss', 'poison', 'late',
] as const;

export type Fault = (typeof FAULTS)[number];

const CALL_FAULTS: readonly Fault[] = ['crash', 'freeze', 'lost-request', 'lost-answer', 'late-request', 'broken-connection', 'slow'];

/** How often a call is hit, against the others: what carries the guarantee is hit more often than what comes all the time. */
const WEIGHTS: Readonly<Record<string, number>> = { Fetch: 0.3, Heartbeat: 0.5, ListOffsets: 1, DescribeTopics: 1, CreateTopics: 1 };
const USUAL_WEIGHT = 3;
/** Of each crash point; a commit comes by ten of them. */
const POINT_WEIGHT = 1;

/** What faults do to a worker's process. */
export interface Victim {
  readonly name: string;
  readonly isRunning: boolean;
  crash(): void;
  freeze(forMs: number): void;
}

export interface FaultPlanOptions {
  readonly random: Random;
  readonly clock: Clock;
  readonly trace: Trace;
  readonly faults: readonly Fault[];
  readonly requestTimeoutMs: number;
  readonly sessionTimeoutMs: number;
}

/** Decides by the seed what goes wrong in this run: which kinds at all, how often, and each single one. */
export class FaultPlan {
  readonly #options: FaultPlanOptions;
  readonly #chosen: readonly Fault[];
  readonly #rate: number;
  readonly #latencyMs: number;
  #healed = false;
  #outageUntil = -1;
  /** Faults that happened, by kind. */
  readonly counts: Partial<Record<Fault, number>> = {};

  constructor(options: FaultPlanOptions) {
    this.#options = options;
    const { random, faults } = options;
    this.#chosen = faults.filter(() => random.chance(0.6));
    this.#rate = faults.length === 0 ? 0 : 0.02 * random.next() ** 2;
    this.#latencyMs = random.pick([0.5, 2, 2, 20]);
  }

  /** Whether this run has such faults. */
  has(fault: Fault): boolean {
    return this.#chosen.includes(fault);
  }

  get isHealed(): boolean {
    return this.#healed;
  }

  /** From now on nothing goes wrong. */
  heal(): void {
    this.#healed = true;
    this.#outageUntil = -1;
  }

  outage(forMs: number): void {
    this.count('outage');
    this.#options.trace.add(`outage ${forMs.toFixed(0)}`);
    this.#outageUntil = this.#options.clock.monotonic() + forMs;
  }

  count(fault: Fault): void {
    this.counts[fault] = (this.counts[fault] ?? 0) + 1;
  }

  #smooth(): Fate {
    const { random } = this.#options;
    return { requestMs: random.next() * this.#latencyMs, answerMs: random.next() * this.#latencyMs, brokenAfterMs: null, held: false };
  }

  /** What becomes of a worker's call; may end or freeze the worker on the way. */
  fate(victim: Victim, call: string): Fate {
    const { random, clock, trace } = this.#options;
    const fate = this.#smooth();
    // It makes its last calls of the moment in which it was stopped: they leave when it goes on, if ever.
    if (!victim.isRunning) return { ...fate, held: true };
    if (clock.monotonic() < this.#outageUntil && !call.startsWith('sink')) return { ...fate, requestMs: null, brokenAfterMs: random.next() * 5 };
    const kinds = CALL_FAULTS.filter((kind) => this.has(kind));
    if (this.#healed || kinds.length === 0 || !random.chance(this.#rate * (WEIGHTS[call] ?? USUAL_WEIGHT))) return fate;
    const kind = random.pick(kinds);
    trace.add(`fault ${kind} ${victim.name} ${call}`);
    this.count(kind);
    return this.#hit(kind, victim, fate);
  }

  /** Ends the worker at the point that it has come to, or not. */
  async at(victim: Victim, point: CrashPoint): Promise<void> {
    const { random, trace } = this.#options;
    if (this.#healed || !victim.isRunning || !this.has('crash-point') || !random.chance(this.#rate * POINT_WEIGHT)) return;
    trace.add(`fault crash-point ${victim.name} ${point}`);
    this.count('crash-point');
    victim.crash();
    await new Promise(() => {});
  }

  #hit(kind: Fault, victim: Victim, fate: Fate): Fate {
    const { random, requestTimeoutMs, sessionTimeoutMs } = this.#options;
    switch (kind) {
      case 'lost-request': return { ...fate, requestMs: null };
      case 'lost-answer': return { ...fate, answerMs: null };
      case 'late-request': return { ...fate, requestMs: requestTimeoutMs * random.between(1, 4), answerMs: null };
      case 'broken-connection': return { ...fate, requestMs: random.chance(0.3) ? null : random.next() * 300, answerMs: null, brokenAfterMs: random.next() * 20 };
      case 'slow': return { ...fate, requestMs: random.next() * requestTimeoutMs * 0.9, answerMs: random.next() * requestTimeoutMs * 0.2 };
      case 'crash': return this.#stopped(() => victim.crash(), fate);
      default: {
        const forMs = random.chance(0.7) ? sessionTimeoutMs * random.between(1, 3) : random.next() * sessionTimeoutMs;
        return this.#stopped(() => victim.freeze(forMs), fate);
      }
    }
  }

  /** Before the call leaves, when it has taken effect, or while it is on its way. */
  #stopped(stop: () => void, fate: Fate): Fate {
    const { random, clock } = this.#options;
    const when = random.below(3);
    if (when === 0) {
      stop();
      return { ...fate, held: true };
    }
    const unlessHealed = (): void => {
      if (!this.#healed) stop();
    };
    if (when === 1) return { ...fate, applied: unlessHealed };
    clock.after(random.next() * (fate.requestMs ?? 0), unlessHealed);
    return fate;
  }
}
