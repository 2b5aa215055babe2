/** The runtime's one door: `import { run } from 'millrace'`. */
export { run } from './runtime/run.ts';
export type { RunHandle, RunOptions } from './runtime/run.ts';
export type { WorkerEvent } from './runtime/events.ts';
export type { StoreChange, StoreView } from './runtime/store-views.ts';
export { backfill, discardBackfill } from './backfill/index.ts';
export type { BackfillOptions, BackfillProgress, BackfillStart, BackfillSummary } from './backfill/index.ts';
export { serve } from './server/index.ts';
export type { ServedWorker, ServeOptions, WorkerServer } from './server/index.ts';
export { plan } from './plan/plan.ts';
export type { EntryPlan, OutputPlan, Plan, StagePlan, StorePlan, TopicPlan, TopicRole } from './plan/types.ts';
export { ConfigurationError, DeadLetterError, MillraceError, PauseError, RejoinError, RetryError, StopError } from './core/errors.ts';
export type { Config, Environment } from './core/config.ts';
export type { Clock, Timer } from './core/clock.ts';
export type { Logger, LogFields } from './core/logger.ts';
export type { HistogramFigures } from './core/histogram.ts';
export type { BreakerState, StageFigures, TableFigures, WorkerFigures, WorkerState } from './core/metrics.ts';
