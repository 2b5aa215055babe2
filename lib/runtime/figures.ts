import type { StageCounters } from '../core/metrics.ts';
import type { WriteResult } from '../sinks/contract.ts';
import type { StageContext } from './context.ts';

/** One attempt at writing to a sink, and how long it took, whatever came of it. */
export const timedWrite = async ({ clock, counters }: Pick<StageContext, 'clock' | 'counters'>, write: () => Promise<WriteResult>): Promise<WriteResult> => {
  const startedMs = clock.monotonic();
  try {
    return await write();
  } finally {
    counters.sinkWriteTime.observe(clock.monotonic() - startedMs);
  }
};

/** Counts what became of one attempt at writing records to a sink, `nowMs` being when the sink had answered. */
export const countWrite = (counters: StageCounters, records: readonly { readonly timestamp: number }[], { refused, retry }: WriteResult, nowMs: number): void => {
  counters.recordsOut += records.length - refused.length - retry.length;
  counters.sinkRefusals += refused.length;
  if (retry.length > 0) counters.sinkErrors += 1;
  const left = refused.length + retry.length === 0 ? null : new Set([...refused, ...retry].map(({ index }) => index));
  for (let i = 0; i < records.length; i += 1) {
    if (left === null || !left.has(i)) counters.eventAge.observe(nowMs - records[i]!.timestamp);
  }
};
