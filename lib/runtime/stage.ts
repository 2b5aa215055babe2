import type { Subscription } from 'rxjs';
import { messageOf, RejoinError, RetryError, StopError } from '../core/errors.ts';
import { OffsetOutOfRangeError } from '../kafka/errors.ts';
import type { BatchReader, FetchedBatch, GroupEvent, GroupMember, Membership, Position } from '../kafka/port.ts';
import { StateError } from './checked-state.ts';
import { CommittedLag } from './committed-lag.ts';
import type { StageContext } from './context.ts';
import { fetchLimits } from './limits.ts';
import { openTask, placesOf } from './open.ts';
import { atMost, pauseMs } from './retry.ts';
import type { Task } from './task.ts';
import { Wake } from './wake.ts';

/** How often ends are asked for that no fetch tells of. */
const LOOK_AHEAD_MS = 1_000;
/** Part of `stop.timeout.ms` for the tasks; the rest is for leaving the group. */
const DRAIN_SHARE = 0.8;

/** A partition number that the group has given to this worker. */
interface Slot {
  readonly partition: number;
  readonly controller: AbortController;
  task: Task | null;
  /** A state did not fit its codec: from now on each is encoded when it is written, so that its record becomes a dead letter. */
  checksStates: boolean;
  done: Promise<void>;
}

/**
 * One stage in this worker: its group membership, the tasks for the partitions it was given, and one loop that fetches for
 * all of them. The group hands out partitions and nothing else; what is fetched, and when, is decided here.
 */
export class StageRunner {
  readonly #context: StageContext;
  readonly #member: GroupMember;
  readonly #reader: BatchReader;
  readonly #slots = new Map<number, Slot>();
  /** Closed slots whose tasks still let go of what they hold. */
  readonly #closing = new Map<number, Promise<void>>();
  readonly #wake: Wake;
  readonly #stopped = new AbortController();
  readonly #fail: (error: unknown) => void;
  /** Of tasks that are not open. */
  readonly #unopened: CommittedLag;
  /** Null while this worker is no member. */
  #membership: Membership | null = null;
  #opening = 0;
  #lookedMs = 0;
  #subscription: Subscription | null = null;
  #fetching: Promise<void> = Promise.resolve();

  /** `fail` is told what no retry mends. */
  constructor(context: StageContext, fail: (error: unknown) => void) {
    this.#context = context;
    this.#fail = fail;
    const { port, config, stage } = context;
    this.#member = port.group({
      groupId: stage.group,
      topics: stage.entries.map((e) => e.topic),
      sessionTimeoutMs: config.sessionTimeoutMs,
      heartbeatIntervalMs: config.heartbeatIntervalMs,
      rebalanceTimeoutMs: config.rebalanceTimeoutMs,
      onDisk: () => context.home.partitions(stage.name),
    });
    this.#reader = port.reader(stage.name);
    this.#wake = new Wake(context.clock);
    this.#unopened = new CommittedLag(context);
  }

  async start(): Promise<void> {
    this.#subscription = this.#member.events$.subscribe({ next: (event) => this.#onGroup(event), error: (error: unknown) => this.#fail(error) });
    this.#fetching = this.#fetch().catch((error: unknown) => {
      if (!this.#stopped.signal.aborted) this.#fail(error);
    });
    await this.#member.join();
  }

  #onGroup(event: GroupEvent): void {
    const { limited, stage } = this.#context;
    if (event.type === 'rebalancing') {
      for (const slot of this.#slots.values()) slot.task?.requestCommit();
    } else if (event.type === 'lost') {
      this.#membership = null;
      limited.warn(`lost ${stage.name}`, 'the group membership was lost; all tasks of the stage are closed', { stage: stage.name, cause: event.cause });
      for (const slot of [...this.#slots.values()]) this.#close(slot);
    } else {
      this.#assigned(event.membership, new Set(event.partitions.map((p) => p.partition)));
    }
  }

  #assigned(membership: Membership, partitions: ReadonlySet<number>): void {
    const { log, stage, events } = this.#context;
    const { generation } = membership;
    this.#membership = membership;
    this.#context.counters.rebalances += 1;
    log.info('assigned', { stage: stage.name, generation, partitions: [...partitions].sort((a, b) => a - b) });
    for (const slot of [...this.#slots.values()]) if (!partitions.has(slot.partition)) this.#close(slot);
    if (this.#stopped.signal.aborted) return;
    for (const partition of partitions) {
      if (this.#slots.has(partition)) continue;
      const slot: Slot = { partition, controller: new AbortController(), task: null, checksStates: false, done: Promise.resolve() };
      this.#slots.set(partition, slot);
      slot.done = this.#own(slot).catch((error: unknown) => this.#fail(error));
    }
    events.emit({ type: 'assigned', stage: stage.name, generation, partitions: [...partitions].sort((a, b) => a - b) });
  }

  /** Closes at once: nothing uncommitted is saved, the next owner has it from Kafka. */
  #close(slot: Slot): void {
    this.#slots.delete(slot.partition);
    slot.controller.abort(new RejoinError('the partition belongs to somebody else now'));
    slot.task?.interrupt();
    const closed = slot.done.finally(() => {
      if (this.#closing.get(slot.partition) === closed) this.#closing.delete(slot.partition);
    });
    this.#closing.set(slot.partition, closed);
  }

  /** Keeps the slot's task open, whatever happens to it, until the slot is closed or the task has been stopped. */
  async #own(slot: Slot): Promise<void> {
    const { signal } = slot.controller;
    // A partition that comes back at once: fences would settle who commits, but a sink without one could see two writers.
    await atMost(this.#context.clock, this.#context.config.sessionTimeoutMs, this.#closing.get(slot.partition));
    let attempt = 0;
    let failures = 0;
    while (!signal.aborted) {
      let task: Task | null = null;
      try {
        task = await this.#opened(slot);
        await task.run();
        await this.#retire(slot, task);
        return;
      } catch (error) {
        const membership = this.#membership;
        await this.#retire(slot, task);
        if (signal.aborted) return;
        this.#context.counters.aborts += 1;
        if (error instanceof RejoinError) this.#context.counters.fences += 1;
        this.#context.events.emit({ type: error instanceof RejoinError ? 'fenced' : 'aborted', stage: this.#context.stage.name, partition: slot.partition, error });
        if (this.#stopped.signal.aborted) {
          this.#context.log.warn('a task could not finish; its last records are processed again by the next owner', { stage: this.#context.stage.name, partition: slot.partition, error });
          return;
        }
        if (error instanceof StateError) slot.checksStates = true;
        if (task?.hasCommitted() === true) attempt = failures = 0;
        if (!(error instanceof RetryError) && !(error instanceof RejoinError)) failures += 1;
        if (failures >= this.#context.config.failuresAtPosition) throw error;
        await this.#pauseAfter(slot, error, attempt, membership);
        attempt += 1;
      }
    }
  }

  async #opened(slot: Slot): Promise<Task> {
    const { clock, config, counters, stage, log, events } = this.#context;
    const { signal } = slot.controller;
    while (this.#opening >= config.openTasks) await clock.sleep(config.heartbeatIntervalMs / 10, signal);
    this.#opening += 1;
    try {
      const task = await openTask(this.#context, { partition: slot.partition, signal, membership: () => this.#membership, checksStates: slot.checksStates, onRoom: () => this.#wake.signal() });
      slot.task = task;
      counters.tasks += 1;
      events.emit({ type: 'opened', stage: stage.name, partition: slot.partition });
      log.info('task open', { stage: stage.name, partition: slot.partition, position: task.wanted() });
      this.#wake.signal();
      return task;
    } finally {
      this.#opening -= 1;
    }
  }

  async #retire(slot: Slot, task: Task | null): Promise<void> {
    if (task === null || slot.task === null) return;
    slot.task = null;
    this.#context.counters.tasks -= 1;
    await task.discard();
  }

  /** Backs off. A task that was shut out also waits until it is this worker's again, or still. */
  async #pauseAfter(slot: Slot, error: unknown, attempt: number, membership: Membership | null): Promise<void> {
    const { clock, config, limited, stage } = this.#context;
    limited.warn(`task ${stage.name} ${slot.partition}`, 'a task was closed and is opened again', {
      stage: stage.name, partition: slot.partition, error: messageOf(error), cause: error instanceof Error ? error.cause : undefined,
    });
    try {
      await clock.sleep(pauseMs(clock, config, attempt, error), slot.controller.signal);
      if (error instanceof RejoinError) await this.#untilOwned(slot, membership);
    } catch {
      // The slot was closed meanwhile; its loop sees that.
    }
  }

  /**
   * So that two owners never fence each other in turns: waits for a newer generation, or for the coordinator to say that the one in which
   * the task was shut out is the present one still. Then nobody else owns it: a transaction has timed out (which looks the same), the sink
   * has lost writes, or a former owner has come late, who fences no more once it is fenced.
   */
  async #untilOwned(slot: Slot, membership: Membership | null): Promise<void> {
    const { clock, config, limited, stage } = this.#context;
    while (membership !== null && this.#membership?.generation === membership.generation) {
      try {
        if (await this.#member.isCurrent(membership)) return;
      } catch (error) {
        limited.warn(`membership ${stage.name}`, 'the group could not be asked whether this worker is a member still', { stage: stage.name, error });
      }
      await clock.sleep(config.heartbeatIntervalMs, slot.controller.signal);
    }
  }

  async #fetch(): Promise<void> {
    const { clock, config, limited, counters, stage } = this.#context;
    const limits = fetchLimits(config);
    for (let attempt = 0; !this.#stopped.signal.aborted;) {
      const asked = [...this.#slots.values()].flatMap((slot) => (slot.task === null ? [] : slot.task.wanted().map((position) => ({ task: slot.task!, position }))));
      try {
        await this.#lookAhead();
        if (asked.length === 0) {
          await this.#wake.wait(config.fetchMaxWaitMs);
          continue;
        }
        const batches = await this.#reader.fetch(asked.map((a) => a.position), limits);
        attempt = 0;
        for (const batch of batches) this.#deliver(batch, asked);
      } catch (error) {
        if (!(error instanceof RetryError)) throw error;
        if (error instanceof OffsetOutOfRangeError) this.#gone(error, asked);
        counters.retries += 1;
        limited.warn(`fetch ${stage.name}`, 'fetching failed and is tried again', { stage: stage.name, error: messageOf(error) });
        await clock.sleep(pauseMs(clock, config, attempt, error), this.#stopped.signal);
        attempt += 1;
      }
    }
  }

  /** Nothing is fetched for a full queue, so no fetch says how far its task is behind. */
  async #lookAhead(): Promise<void> {
    const now = this.#context.clock.monotonic();
    if (now < this.#lookedMs + LOOK_AHEAD_MS) return;
    this.#lookedMs = now;
    const full = [...this.#slots.values()].flatMap(({ task }) => (task === null ? [] : task.full().map((place) => ({ task, place }))));
    if (full.length === 0) return;
    const ends = await this.#reader.endOffsets(full.map(({ place }) => place), 'read_uncommitted');
    for (const { task, place } of full) task.ends(ends.filter(({ topic, partition }) => topic === place.topic && partition === place.partition));
  }

  /** The log no longer holds what a task wants. Opening again it reads the committed offset anew, and says so when that is gone too. */
  #gone(error: OffsetOutOfRangeError, asked: readonly { readonly task: Task; readonly position: Position }[]): void {
    for (const gone of error.positions) {
      const question = asked.find(({ position }) => position.topic === gone.topic && position.partition === gone.partition);
      question?.task.fail(new StopError('the log does not hold the records that the task wants to read next', { where: { stage: this.#context.stage.name, ...gone }, cause: error }));
    }
  }

  #deliver(batch: FetchedBatch, asked: readonly { readonly task: Task; readonly position: Position }[]): void {
    const question = asked.find(({ position }) => position.topic === batch.topic && position.partition === batch.partition);
    question?.task.offer(batch, question.position.offset);
  }

  /** What the stage is behind, summed over its tasks. */
  measure(): void {
    const { counters, clock } = this.#context;
    const slots = [...this.#slots.values()];
    const unopened = slots.filter(({ task }) => task === null);
    const lags = slots.flatMap(({ task }) => (task === null ? [] : [task.lag(clock.now())]));
    lags.push(this.#unopened.of(unopened.flatMap(({ partition }) => placesOf(this.#context, partition))));
    counters.assigned = this.#membership === null ? null : slots.length;
    counters.opening = unopened.length;
    counters.lagRecords = lags.reduce((sum, { records }) => sum + records, 0);
    counters.lagMs = Math.max(...lags.map(({ ms }) => ms));
  }

  /** Finishes what is processed, commits, leaves the group. What does not finish in `stop.timeout.ms` is dropped, uncommitted. */
  async stop(): Promise<void> {
    const { clock, config } = this.#context;
    this.#stopped.abort(new RejoinError('the worker stops'));
    this.#wake.signal();
    const slots = [...this.#slots.values()];
    for (const slot of slots) {
      if (slot.task === null) slot.controller.abort(new RejoinError('the worker stops'));
      else slot.task.stop();
    }
    const drained = Promise.all([...slots.map((slot) => slot.done), ...this.#closing.values()]);
    await atMost(clock, config.stopTimeoutMs * DRAIN_SHARE, drained);
    for (const slot of slots) this.#close(slot);
    this.#subscription?.unsubscribe();
    const left = Promise.allSettled([this.#member.leave(), this.#reader.close(), this.#fetching]);
    await atMost(clock, config.stopTimeoutMs * (1 - DRAIN_SHARE), left);
  }
}
