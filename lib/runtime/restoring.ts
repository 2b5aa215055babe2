import type { StageContext } from './context.ts';

export interface RestoringStore {
  readonly store: string;
  readonly partition: number;
}

/**
 * Follows one restore: takes what it has left each time that changes, 0 at its end, and tells it to the figures and, every
 * `restore.log.interval.ms`, to the log. The seconds left are those at the rate so far.
 */
export const followRestore = (
  { clock, config, counters, log, stage }: Pick<StageContext, 'clock' | 'config' | 'counters' | 'log' | 'stage'>, { store, partition }: RestoringStore,
): ((remaining: number) => void) => {
  const tell = counters.restoring();
  let began: { readonly atMs: number; readonly records: number } | null = null;
  let saidMs = 0;
  return (remaining) => {
    const nowMs = clock.monotonic();
    if (began === null) {
      began = { atMs: nowMs, records: remaining };
      saidMs = nowMs;
    }
    const done = began.records - remaining;
    const leftMs = done === 0 ? null : ((nowMs - began.atMs) * remaining) / done;
    tell(remaining, leftMs);
    if (remaining === 0 || nowMs - saidMs < config.restoreLogIntervalMs) return;
    saidMs = nowMs;
    log.info('restoring a store', { stage: stage.name, store, partition, recordsLeft: remaining, secondsLeft: leftMs === null ? null : Math.ceil(leftMs / 1_000) });
  };
};
