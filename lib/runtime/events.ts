import { Subject, type Observable } from 'rxjs';
import type { BreakerState } from '../core/metrics.ts';
import { GuardedObservable } from '../core/observable.ts';

/** What a worker tells of itself. Partitions are those of the topics that the stage reads. */
export type WorkerEvent =
  /** The group has given these partitions, and no others, to this worker. */
  | { readonly type: 'assigned'; readonly stage: string; readonly generation: number; readonly partitions: readonly number[] }
  /** A store has been read from its changelog. */
  | { readonly type: 'restored'; readonly stage: string; readonly store: string; readonly partition: number; readonly records: number; readonly ms: number }
  /** A task begins to work. */
  | { readonly type: 'opened'; readonly stage: string; readonly partition: number }
  /** `records` that were read are done with: what they put out is visible, or with the sink. */
  | { readonly type: 'committed'; readonly stage: string; readonly partition: number; readonly records: number; readonly ms: number }
  /** A newer owner has shut a task out; it waits for a newer generation, or until the coordinator confirms that it still owns its partition. */
  | { readonly type: 'fenced'; readonly stage: string; readonly partition: number; readonly error: unknown }
  /** A task failed, and begins again at its last commit after a pause. */
  | { readonly type: 'aborted'; readonly stage: string; readonly partition: number; readonly error: unknown }
  /** A task stands at a record whose schema it cannot read. It tries again by itself; once for each time that it comes to stand. */
  | { readonly type: 'paused'; readonly stage: string; readonly partition: number; readonly error: unknown }
  /** The circuit breaker of an outside sink has changed. */
  | { readonly type: 'sinkState'; readonly sink: string; readonly state: BreakerState }
  | { readonly type: 'deadLetter'; readonly stage: string; readonly node: string | null; readonly topic: string; readonly partition: number; readonly offset: number; readonly error: unknown }
  /** What no retry mends: the worker stops. */
  | { readonly type: 'error'; readonly error: unknown }
  /** The last event. */
  | { readonly type: 'stopped' };

/** A worker's events: told once, to who has subscribed by then. A subscriber holds the worker up for as long as it takes, and cannot hurt it otherwise. */
export class WorkerEvents {
  readonly #events = new Subject<WorkerEvent>();
  readonly events$: Observable<WorkerEvent>;

  /** `report` is told what a subscriber throws. */
  constructor(report: (error: unknown) => void) {
    this.events$ = new GuardedObservable<WorkerEvent>(this.#events, report);
  }

  emit(event: WorkerEvent): void {
    this.#events.next(event);
  }

  complete(): void {
    this.#events.next({ type: 'stopped' });
    this.#events.complete();
  }
}
