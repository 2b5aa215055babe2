import { expect } from 'chai';
import { describe, it } from 'mocha';
import { match, type Observed } from '../../benchmarks/live/match.ts';
import { behindOf, holds, isFlat, rssByMinute, rssGrowth, trendOf, type Sample, type Trend } from '../../benchmarks/live/samples.ts';
import { stageSums, type StageSum } from '../../benchmarks/live/workers.ts';
import type { WorkerFigures } from '../../lib/index.ts';

const SOURCE = 'app.public.engagement_events';

describe('benchmarks: from a commit to the totals', () => {
  const observed = (rest: Partial<Observed>): Observed => ({
    commits: new Map([['1', 1_000], ['2', 1_010], ['3', 1_020]]),
    applied: [{ content: 'a', event: '2' }, { content: 'b', event: '3' }, { content: 'a', event: '1' }],
    base: new Map([['a', 5]]),
    readings: new Map([['a', [{ count: 6, atMs: 1_100 }, { count: 7, atMs: 1_200 }]], ['b', [{ count: 1, atMs: 1_150 }]]]),
    fromMs: 0,
    toMs: 2_000,
    ...rest,
  });

  it('ends at the first reading that counts the event, in the order in which events were added', () => {
    expect(match(observed({}))).to.deep.equal({ latencies: [90, 130, 200], missing: 0 });
  });

  it('takes a reading for all events that it counts for the first time', () => {
    const readings = new Map([['a', [{ count: 7, atMs: 1_300 }]], ['b', [{ count: 1, atMs: 1_150 }]]]);
    expect(match(observed({ readings })).latencies).to.deep.equal([290, 130, 300]);
  });

  it('counts events that no reading has', () => {
    const readings = new Map([['a', [{ count: 6, atMs: 1_100 }]]]);
    expect(match(observed({ readings }))).to.deep.equal({ latencies: [90], missing: 2 });
  });

  it('leaves out events committed before or after the measured time, which count in the totals all the same', () => {
    expect(match(observed({ fromMs: 1_005 })).latencies).to.deep.equal([90, 130]);
    expect(match(observed({ toMs: 1_010 })).latencies).to.deep.equal([200]);
  });

  it('leaves out events of others', () => {
    expect(match(observed({ commits: new Map([['3', 1_020]]) })).latencies).to.deep.equal([130]);
  });
});

describe('benchmarks: a load that is held', () => {
  const stage = (name: string, rest: Partial<StageSum> = {}): StageSum => ({ stage: name, sink: null, tasks: 4, recordsIn: 0, recordsOut: 0, lagRecords: 0, deadLetters: 0, aborts: 0, ...rest });
  const sample = (atS: number, rest: Partial<Sample> = {}): Sample => ({ atS, written: atS * 100, behind: 10, slowest: 'x', rssMb: [100, 50], ...rest });
  const steady = Array.from({ length: 60 }, (_, i) => sample((i + 1) * 5));

  it('is behind by what the first stage has not read and by the largest lag behind it', () => {
    const stages = [stage(SOURCE, { recordsIn: 150, lagRecords: 999 }), stage('warehouse', { lagRecords: 30 }), stage('totals', { lagRecords: 20 })];
    expect(behindOf(stages, 120, 50)).to.deep.equal({ behind: 50, slowest: 'warehouse' });
    expect(behindOf(stages, 140, 50)).to.deep.equal({ behind: 70, slowest: SOURCE });
  });

  it('sums the figures of all workers by stage', () => {
    const worker = (lagRecords: number): WorkerFigures => ({ stages: [{ ...stage('a'), lagRecords, tasks: 2 }, stage('b')] }) as unknown as WorkerFigures;
    expect(stageSums([worker(3), worker(4)]).map((s) => [s.stage, s.tasks, s.lagRecords])).to.deep.equal([['a', 4, 7], ['b', 8, 0]]);
  });

  it('holds a steady load', () => {
    const trend = trendOf(steady, 15);
    expect(trend).to.deep.equal({ achieved: 100, growth: 0, behindAtEnd: 10 });
    expect(holds(trend, 100)).to.equal(true);
  });

  it('does not look at the time in which the load arrives', () => {
    const arriving = steady.map((s) => (s.atS <= 15 ? { ...s, behind: 5_000 - 300 * s.atS } : s));
    expect(trendOf(arriving, 15).growth).to.equal(0);
  });

  const held: Trend = { achieved: 100, growth: 0, behindAtEnd: 0 };
  for (const [what, trend] of [['a backlog that grows', { ...held, growth: 1.01 }], ['a rate that is not reached', { ...held, achieved: 97.9 }], ['a backlog of more than two seconds', { ...held, behindAtEnd: 201 }]] as const) {
    it(`does not hold with ${what}`, () => {
      expect(holds(trend, 100)).to.equal(false);
    });
  }

  it('gives the memory of all workers by minute, its growth in the second half', () => {
    const growing = Array.from({ length: 18 }, (_, i) => sample((i + 1) * 10, { rssMb: [i < 6 ? 900 : 100 + 10 * Math.floor(i / 6), 50] }));
    expect(rssByMinute(growing)).to.deep.equal([950, 160, 170]);
    expect(rssGrowth([950, 500, 160, 170])).to.equal(10);
  });

  it('calls memory flat that grows by less than 0.5 % a minute in the second half', () => {
    expect(isFlat([100, 300, 500, 1_000, 1_004, 1_008])).to.equal(true);
    expect(isFlat([100, 300, 500, 1_000, 1_006, 1_012])).to.equal(false);
    expect(isFlat([900, 900, 900, 900, 800, 700, 600])).to.equal(true);
    expect(isFlat([100, 200, 300, 300])).to.equal(null);
  });
});
