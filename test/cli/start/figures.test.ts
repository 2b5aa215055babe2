import { expect } from 'chai';
import { describe, it } from 'mocha';
import { FiguresBoard, NO_REPORTS, totalsOf, withReport, type Reports } from '../../../lib/cli/start/figures.ts';
import { Latencies } from '../../../lib/cli/start/latency.ts';
import { StageCounters, type StageFigures, type WorkerFigures } from '../../../lib/core/metrics.ts';

const stage = (changes: Partial<StageFigures>): StageFigures => ({ ...new StageCounters('warehouse', 'warehouse').snapshot(), ...changes });

const worker = (name: string, stages: readonly StageFigures[]): WorkerFigures => ({ worker: name, state: 'running', stages, tables: [] });

const AT_MS = Date.parse('2026-01-02T03:04:05Z');
const NOTHING = { recordsIn: 0, recordsOut: 0, deadLetters: 0, retries: 0, aborts: 0, sinkErrors: 0, sinkRefusals: 0, breaker: 'closed', lagRecords: 0, lagMs: 0, restoreRemaining: 0, restoreMs: null };

describe('figures of a run', () => {
  it('are the sums of the last figures of every worker, the time of lag their maximum', () => {
    const board = new FiguresBoard();
    board.update(worker('a', [stage({ recordsIn: 1, lagRecords: 9, lagMs: 90 })]));
    board.update(worker('b', [stage({ recordsIn: 20, recordsOut: 15, deadLetters: 2, sinkErrors: 4, sinkRefusals: 3, lagRecords: 3, lagMs: 400 })]));
    board.update(worker('a', [stage({ recordsIn: 10, recordsOut: 8, retries: 1, aborts: 1, sinkRefusals: 2, lagRecords: 2, lagMs: 100 })]));
    expect(board.stages()).to.deep.equal([
      { ...NOTHING, stage: 'warehouse', sink: 'warehouse', recordsIn: 30, recordsOut: 23, deadLetters: 2, retries: 1, aborts: 1, sinkErrors: 4, sinkRefusals: 5, lagRecords: 5, lagMs: 400 },
    ]);
  });

  it('add up what is restored; the time is that of the slowest worker', () => {
    const board = new FiguresBoard();
    board.update(worker('a', [stage({ restoreRemaining: 100, restoreMs: 900 })]));
    board.update(worker('b', [stage({ restoreRemaining: 50, restoreMs: null })]));
    board.update(worker('c', [stage({ restoreRemaining: 20, restoreMs: 1_500 })]));
    expect(board.stages()[0]).to.deep.include({ restoreRemaining: 170, restoreMs: 1_500 });
  });

  it('count what a worker that is gone has done, and not its lag', () => {
    const board = new FiguresBoard();
    board.update(worker('gone', [stage({ recordsOut: 5, lagRecords: 9, lagMs: 90, breaker: 'open' })]), 0);
    board.update(worker('next', [stage({ recordsOut: 2 })]), 9_000);
    expect(board.stages(9_000)).to.deep.include.members([
      { ...NOTHING, stage: 'warehouse', sink: 'warehouse', recordsOut: 7 },
    ]);
  });

  it('take what waits for a sink once, however many workers tell of it, beside the lag of those that have tasks', () => {
    const board = new FiguresBoard();
    board.update(worker('a', [stage({ waitingRecords: 7, lagMs: 90 })]));
    board.update(worker('b', [stage({ waitingRecords: 6 })]));
    board.update(worker('c', [stage({ lagRecords: 2 })]));
    expect(board.stages()[0]).to.deep.include({ lagRecords: 9, lagMs: 90 });
  });

  it('keep the counts of workers that are started again and again, and only so many of their reports', () => {
    let reports: Reports = NO_REPORTS;
    for (let i = 0; i < 1_000; i += 1) reports = withReport(reports, { figures: worker(`w${i}`, [stage({ recordsIn: 1, recordsOut: 2, lagRecords: 9, waitingRecords: 9, lagMs: 9, breaker: 'open' })]), atMs: i * 6_000 });
    expect(reports.byWorker.size).to.be.below(40);
    const lastMs = 999 * 6_000;
    expect(totalsOf(reports, lastMs + 6_000)).to.deep.equal([{ ...NOTHING, stage: 'warehouse', sink: 'warehouse', recordsIn: 1_000, recordsOut: 2_000 }]);
    // One that was only held up counts once.
    reports = withReport(reports, { figures: worker('w990', [stage({ recordsIn: 5, recordsOut: 6 })]), atMs: lastMs });
    expect(totalsOf(reports, lastMs + 6_000)[0]).to.deep.include({ recordsIn: 1_004, recordsOut: 2_004 });
  });

  it('say that the workers are ready once all are members, and every stage has its tasks open', () => {
    const open = { assigned: 2, opening: 0, tasks: 2 };
    const cases: readonly [ready: boolean, a: Partial<StageFigures>, b: Partial<StageFigures>][] = [
      [true, open, open],
      [true, { assigned: 4, opening: 0, tasks: 4 }, { assigned: 0, opening: 0, tasks: 0 }],
      [false, open, { assigned: 2, opening: 1, tasks: 1 }],
      [false, open, { assigned: null, opening: 0, tasks: 0 }],
      [false, { assigned: 0, opening: 0, tasks: 0 }, { assigned: 0, opening: 0, tasks: 0 }],
    ];
    for (const [ready, a, b] of cases) {
      const board = new FiguresBoard();
      board.update(worker('a', [stage(a)]), 0);
      expect(board.ready(2, 0), 'one of two').to.equal(false);
      board.update(worker('b', [stage(b)]), 0);
      expect(board.ready(2, 0), JSON.stringify([a, b])).to.equal(ready);
      expect(board.ready(2, 9_000), 'both gone').to.equal(false);
    }
    const starting = new FiguresBoard();
    starting.update({ ...worker('a', [stage(open)]), state: 'starting' }, 0);
    expect(starting.ready(1, 0)).to.equal(false);
  });

  it('show the worst breaker of a sink, and none of a stage that has no sink', () => {
    for (const [a, b, shown] of [['closed', 'closed', 'closed'], ['half-open', 'closed', 'half-open'], ['half-open', 'open', 'open'], [null, null, null]] as const) {
      const board = new FiguresBoard();
      board.update(worker('a', [stage({ breaker: a, sink: a === null ? null : 'warehouse' })]), 0);
      board.update(worker('b', [stage({ breaker: b, sink: b === null ? null : 'warehouse' })]), 0);
      expect(board.stages(0)[0]!.breaker).to.equal(shown);
    }
  });
});

describe('latencies', () => {
  it('give percentiles of the window and of the whole run', () => {
    const latencies = new Latencies(10_000);
    expect(latencies.window(AT_MS)).to.equal(null);
    for (let i = 1; i <= 100; i += 1) latencies.add(i, AT_MS);
    latencies.add(5_000, AT_MS + 20_000);
    expect(latencies.window(AT_MS + 20_000)).to.deep.equal({ count: 1, p50Ms: 5_000, p95Ms: 5_000, p99Ms: 5_000 });
    expect(latencies.all()).to.deep.equal({ count: 101, p50Ms: 51, p95Ms: 96, p99Ms: 100 });
  });

  it('keep a bounded number of samples', () => {
    const latencies = new Latencies(10_000, 100);
    for (let i = 0; i < 1_000; i += 1) latencies.add(1, AT_MS);
    expect(latencies.all()!.count).to.equal(100);
    expect(latencies.window(AT_MS)!.count).to.be.at.most(100);
  });
});
