import { setTimeout as sleep } from 'node:timers/promises';
import type { SinkProgress } from './demo.ts';
import type { FiguresBoard } from './figures.ts';

const STEP_MS = 250;
/** A sink that makes no progress for so long does not drain. */
const STUCK_MS = 60_000;
/** Longer than the interval of the figures, of a sink's commit and most of its pauses between attempts. */
const QUIET_MS = 3_000;

export interface DrainOptions {
  readonly progress: () => Promise<readonly SinkProgress[]>;
  readonly board: FiguresBoard;
  readonly signal: AbortSignal;
  readonly stuckMs?: number;
}

export interface ReadyOptions {
  readonly board: FiguresBoard;
  readonly workers: number;
  readonly signal: AbortSignal;
  readonly waitMs: number;
}

/** Waits until the workers are ready. @returns false when the time is up: the load waits in Kafka then */
export const untilReady = async ({ board, workers, signal, waitMs }: ReadyOptions): Promise<boolean> => {
  const begunAtMs = performance.now();
  while (!board.ready(workers)) {
    if (performance.now() - begunAtMs > waitMs) return false;
    await sleep(STEP_MS, undefined, { signal });
  }
  return true;
};

const behindOf = (progress: readonly SinkProgress[]): readonly SinkProgress[] => progress.filter(({ expected, actual }) => actual < expected);

/** Waits until every sink has as many records as it must have. @returns the sinks that stopped short of it */
export const untilArrived = async ({ progress, signal, stuckMs = STUCK_MS }: DrainOptions): Promise<readonly SinkProgress[]> => {
  let last = '';
  let movedAtMs = performance.now();
  for (;;) {
    signal.throwIfAborted();
    // A sink that cannot be asked for a moment is asked again: only for as long as it may be stuck.
    const found = await progress().catch((error: unknown) => {
      if (performance.now() - movedAtMs > stuckMs) throw error;
      return null;
    });
    const behind = found === null ? null : behindOf(found);
    if (behind?.length === 0) return [];
    const text = found === null ? last : JSON.stringify(found);
    if (text !== last) movedAtMs = performance.now();
    last = text;
    if (behind !== null && performance.now() - movedAtMs > stuckMs) return behind;
    await sleep(STEP_MS, undefined, { signal });
  }
};

const countsOf = (board: FiguresBoard): string =>
  JSON.stringify(board.stages().map((s) => [s.stage, s.recordsIn, s.recordsOut, s.deadLetters, s.retries, s.lagRecords]));

/** Waits until no stage has lag and no count has moved for a while: dead letters are committed by then, and nothing comes twice any more. */
export const untilQuiet = async ({ board, signal, stuckMs = STUCK_MS }: DrainOptions): Promise<void> => {
  const begunAtMs = performance.now();
  let last = '';
  let movedAtMs = begunAtMs;
  while (performance.now() - begunAtMs < stuckMs) {
    signal.throwIfAborted();
    const counts = countsOf(board);
    const lag = board.stages().reduce((sum, s) => sum + s.lagRecords, 0);
    if (counts !== last || lag > 0) movedAtMs = performance.now();
    last = counts;
    if (performance.now() - movedAtMs >= QUIET_MS) return;
    await sleep(STEP_MS, undefined, { signal });
  }
};
