/** The view where there is no terminal: one line for a log, one value for a program. */
import { latencyText } from '../start/figures.ts';
import { behind, whole } from './format.ts';
import type { ViewModel } from './model.ts';

const sum = (model: ViewModel, field: 'deadLetters' | 'retries'): number => model.stages.reduce((total, stage) => total + stage[field], 0);

/** Rates, latency, the largest lag, sinks that are held back. */
export const lineOf = (model: ViewModel): string => {
  const last = model.stages.toSorted((a, b) => b.lagRecords - a.lagRecords)[0];
  const lag = last === undefined || last.lagRecords === 0 ? 'no lag' : `lag ${whole(last.lagRecords)} at ${last.stage}`;
  const restoring = model.stages.filter(({ restoreRemaining }) => restoreRemaining > 0)
    .map(({ stage, restoreRemaining, restoreMs }) => `restoring ${stage}, ${whole(restoreRemaining)} records left${restoreMs === null ? '' : `, ${behind(restoreMs)}`}`);
  const held = model.stages.filter(({ breaker }) => breaker !== null && breaker !== 'closed').map(({ sink, breaker }) => `${sink} ${breaker}`);
  const latency = model.without.includes('redis') ? [] : [`PostgreSQL to Redis ${latencyText(model.latency)}`];
  return [
    new Date(model.atMs).toISOString().slice(11, 19), `in ${whole(model.writing)}/s`, `out ${whole(model.delivering)}/s`, ...latency, lag,
    `${whole(model.written)} written`, `${whole(sum(model, 'deadLetters'))} dead letters`, `${whole(sum(model, 'retries'))} retries`, ...restoring, ...held,
  ].join('  ');
};

/** `{ type: 'figures', ... }`: times in milliseconds, rates per second. */
export const figuresOf = (model: ViewModel) => ({
  type: 'figures',
  at: new Date(model.atMs).toISOString(),
  runningMs: Math.round(model.runningMs),
  workers: model.workers,
  written: model.written,
  writtenPerSecond: Math.round(model.writing),
  latency: model.latency,
  stages: model.stages.map(({ in: recordsInPerSecond, out: recordsOutPerSecond, ...totals }) => ({
    ...totals, recordsInPerSecond: Math.round(recordsInPerSecond), recordsOutPerSecond: Math.round(recordsOutPerSecond),
  })),
  without: model.without,
});
