/** A moment of a run, for tests of what is shown of it. */
import type { StageView, ViewModel } from '../../../lib/cli/view/model.ts';

export const AT_MS = Date.parse('2026-01-02T03:04:05Z');

export const stage = (changes: Partial<StageView>): StageView => ({
  stage: 'warehouse', sink: null, breaker: null, recordsIn: 0, recordsOut: 0, deadLetters: 0, retries: 0, aborts: 0, sinkErrors: 0, sinkRefusals: 0, lagRecords: 0, lagMs: 0,
  restoreRemaining: 0, restoreMs: null,
  in: 0, out: 0, ...changes,
});

export const model = (changes: Partial<ViewModel> = {}): ViewModel => ({
  name: 'engagement',
  atMs: AT_MS,
  runningMs: 754_000,
  workers: { running: 2, wanted: 2 },
  written: 12_345,
  writing: 200,
  delivering: 812.4,
  stages: [
    stage({ stage: 'app.public.engagement_events', in: 200, out: 199.6, deadLetters: 3 }),
    stage({ stage: 'warehouse', sink: 'warehouse', breaker: 'closed', recordsOut: 12_000, in: 200, out: 180, lagRecords: 345, lagMs: 1_700 }),
    stage({ stage: 'partner', sink: 'partner', breaker: 'open', recordsOut: 900, in: 5, out: 0, lagRecords: 12_345, lagMs: 65_000, retries: 17, aborts: 1, sinkErrors: 2, sinkRefusals: 4, deadLetters: 4 }),
  ],
  latency: { count: 900, p50Ms: 27.4, p95Ms: 112, p99Ms: 1_201 },
  history: [
    null,
    { count: 1, p50Ms: 10, p95Ms: 50, p99Ms: 100 },
    { count: 1, p50Ms: 20, p95Ms: 50, p99Ms: 1_600 },
    { count: 1, p50Ms: 40, p95Ms: 400, p99Ms: 800 },
  ],
  forgotten: 0,
  top: [
    { title: '東京の朝のニュース', value: '3 h 1 min', amount: 181 },
    { title: 'Notes on Tea', value: '59 min', amount: 59 },
  ],
  addresses: [
    { name: 'kafka', address: '127.0.0.1:9092' },
    { name: 'redis', address: 'redis://127.0.0.1:6379' },
    { name: 'metrics', address: 'http://127.0.0.1:9464/metrics' },
  ],
  without: [],
  notices: [{ atMs: AT_MS - 5_000, text: 'The workers are ready. The load begins' }],
  ...changes,
});
