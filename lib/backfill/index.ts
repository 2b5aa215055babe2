export { backfill, discardBackfill } from './backfill.ts';
export type { BackfillOptions, BackfillStart, BackfillSummary } from './backfill.ts';
export type { BackfillProgress } from './progress.ts';
export type { From, To } from './range.ts';
