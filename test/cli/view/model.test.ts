import { expect } from 'chai';
import { describe, it } from 'mocha';
import { concat, NEVER, of, Subject, VirtualAction, VirtualTimeScheduler } from 'rxjs';
import { modelOf$, type ViewInputs, type ViewModel, type WorkerMessage } from '../../../lib/cli/view/model.ts';
import type { DemoFigures } from '../../../lib/cli/start/demo.ts';
import { figuresOf, lineOf } from '../../../lib/cli/view/lines.ts';
import { StageCounters, type StageFigures } from '../../../lib/core/metrics.ts';
import { AT_MS, model, stage as stageView } from './model.ts';

const message = (worker: string, changes: Partial<StageFigures>, url: string | null = null): WorkerMessage => ({
  url, figures: { worker, state: 'running', stages: [{ ...new StageCounters('warehouse', 'warehouse').snapshot(), ...changes }], tables: [] },
});

/** Inputs by hand on virtual time, and every model that came of them. */
class Bench {
  readonly scheduler = new VirtualTimeScheduler(VirtualAction);
  readonly figures$ = new Subject<WorkerMessage>();
  readonly demo$ = new Subject<DemoFigures>();
  readonly notices$ = new Subject<string>();
  readonly models: ViewModel[] = [];

  constructor(changes: Partial<ViewInputs> = {}) {
    modelOf$({
      ...{ name: 'engagement', workers: 2, addresses: [{ name: 'kafka', address: '127.0.0.1:9092' }], without: [], scheduler: this.scheduler },
      ...{ figures$: this.figures$, demo$: this.demo$, notices$: this.notices$, ...changes },
    }).subscribe((shown) => this.models.push(shown));
  }

  /** Runs `task` at a virtual time. */
  at(ms: number, task: () => void): void {
    this.scheduler.schedule(task, ms);
  }

  run(untilMs: number): ViewModel {
    this.scheduler.maxFrames = untilMs;
    this.scheduler.flush();
    return this.models.at(-1)!;
  }
}

describe('the model of the live view', () => {
  it('is there before anything is known', () => {
    const { models } = new Bench();
    expect(models).to.have.length(1);
    expect(models[0]).to.deep.include({ workers: { running: 0, wanted: 2 }, stages: [], written: 0, history: [], addresses: [{ name: 'kafka', address: '127.0.0.1:9092' }] });
  });

  it('has rates of the last five seconds', () => {
    const bench = new Bench();
    // From second 4 on, 100 records a second instead of 10.
    for (let second = 0; second < 12; second += 1) {
      const count = second < 4 ? second * 10 : 40 + (second - 4) * 100;
      bench.at(second * 1_000 + 500, () => {
        bench.figures$.next(message('a', { recordsIn: count, recordsOut: count / 2 }));
        bench.demo$.next({ written: count, latency: null, top: [] });
      });
    }
    expect(bench.run(3_900).stages[0]).to.deep.include({ in: 10, out: 5 });
    const last = bench.run(12_000);
    expect(last.stages[0]).to.deep.include({ in: 100, out: 50 });
    expect(last).to.deep.include({ writing: 100, delivering: 50, runningMs: 11_750 });
  });

  it('is at most four a second, however much happens', () => {
    const bench = new Bench();
    for (let i = 0; i < 1_000; i += 1) bench.at(i * 10, () => bench.figures$.next(message('a', { recordsIn: i })));
    bench.run(10_000);
    expect(bench.models.length).to.be.within(20, 41);
  });

  it('keeps four minutes of latencies, one a second, and counts what it forgot', () => {
    const bench = new Bench({ demo$: concat(of({ written: 1, latency: { count: 1, p50Ms: 1, p95Ms: 2, p99Ms: 3 }, top: [] }), NEVER) });
    expect(bench.run(10_500)).to.deep.include({ forgotten: 0, latency: { count: 1, p50Ms: 1, p95Ms: 2, p99Ms: 3 } }).and.to.have.property('history').with.length(10);
    expect(bench.run(300_500)).to.deep.include({ forgotten: 60 }).and.to.have.property('history').with.length(240);
  });

  it('counts workers that run, with their addresses, until they are silent for five seconds', () => {
    const bench = new Bench();
    bench.at(0, () => bench.figures$.next(message('a', { lagRecords: 7, breaker: 'open' }, 'http://127.0.0.1:9464')));
    for (let second = 0; second < 9; second += 1) bench.at(second * 1_000, () => bench.figures$.next(message('b', { lagRecords: 1 })));
    const both = bench.run(2_000);
    expect(both.workers.running).to.equal(2);
    expect(both.addresses).to.deep.include({ name: 'metrics', address: 'http://127.0.0.1:9464/metrics' });
    expect(both.stages[0]).to.deep.include({ lagRecords: 8, breaker: 'open' });
    const one = bench.run(8_500);
    expect(one.workers.running).to.equal(1);
    expect(one.addresses).to.have.length(1);
    expect(one.stages[0]).to.deep.include({ lagRecords: 1, breaker: 'closed' });
  });

  it('has the last fifty notices with their time', () => {
    const bench = new Bench();
    for (let i = 0; i < 60; i += 1) bench.at(i, () => bench.notices$.next(`notice ${i}`));
    const { notices } = bench.run(1_000);
    expect(notices).to.have.length(50);
    expect(notices.at(-1)).to.deep.equal({ atMs: 59, text: 'notice 59' });
  });
});

describe('the view without a terminal', () => {
  it('is one line', () => {
    expect(lineOf(model())).to.equal(
      '03:04:05  in 200/s  out 812/s  PostgreSQL to Redis p50 27 ms, p95 112 ms, p99 1,201 ms  lag 12,345 at partner  12,345 written  7 dead letters  17 retries  partner open',
    );
    expect(lineOf(model({ stages: [], latency: null }))).to.include('no latency yet').and.to.include('no lag');
    expect(lineOf(model({ without: ['redis'] }))).not.to.include('Redis');
    expect(lineOf(model({ stages: [stageView({ stage: 'by-user', restoreRemaining: 9_000, restoreMs: 3_000 })] }))).to.include('restoring by-user, 9,000 records left, 3.0 s');
  });

  it('is one value for programs', () => {
    const { stages, ...figures } = figuresOf(model({ atMs: AT_MS + 6 }));
    expect(figures).to.deep.equal({
      type: 'figures', at: '2026-01-02T03:04:05.006Z', runningMs: 754_000, workers: { running: 2, wanted: 2 }, written: 12_345, writtenPerSecond: 200,
      latency: { count: 900, p50Ms: 27.4, p95Ms: 112, p99Ms: 1_201 }, without: [],
    });
    expect(stages[2]).to.deep.equal({
      stage: 'partner', sink: 'partner', breaker: 'open', recordsIn: 0, recordsOut: 900, deadLetters: 4, retries: 17, aborts: 1, sinkErrors: 2, sinkRefusals: 4,
      lagRecords: 12_345, lagMs: 65_000, restoreRemaining: 0, restoreMs: null, recordsInPerSecond: 5, recordsOutPerSecond: 0,
    });
  });
});
