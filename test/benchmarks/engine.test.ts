import { expect } from 'chai';
import { describe, it } from 'mocha';
import { finished } from '../../benchmarks/engine/finished.ts';
import { outputOf, percentOf, type Event } from '../../benchmarks/engine/output.ts';
import { runOf, type Run } from '../../benchmarks/engine/peers.ts';
import { round, summaries, targets, verdicts } from '../../benchmarks/engine/schedule.ts';
import { programs } from '../../benchmarks/engine/topologies.ts';
import { plan, type WorkerFigures } from '../../lib/index.ts';

const run = (peer: string, variant: string, evps: number, rest: Partial<Run> = {}): Run => ({
  peer, variant, n: 1_000, seconds: 1, evps, late_evps: 0, cpu_s: 2, rss_mb: 100, broker_cpu_s: 1, other_cpu_s: 0,
  load_before: 0, load_after: 0, markers: 0, dups: 0, wrong: 0, ties: 0, ok: true, ...rest,
});

describe('benchmarks: the output of the engine', () => {
  // SELECT round(ms / 1000.0 / s * 100, 2) in PostgreSQL.
  const percents = [[1_000, 3, 33.33], [2_000, 3, 66.67], [0, 60, 0], [61_000, 60, 101.67], [12_345, 600, 2.06], [1_005, 1_000, 0.1], [1_050, 1_000, 0.11], [1_150, 1_000, 0.12], [-1_050, 1_000, -0.11], [4_725, 3_500, 0.14]] as const;
  for (const [ms, seconds, expected] of percents) {
    it(`says that ${ms} ms are ${expected} % of ${seconds} s, as SQL does`, () => {
      expect(percentOf(ms, seconds)).to.equal(expected);
    });
  }

  const event: Event = { id: 7, content_id: 'c', user_id: 'u', event_type: 'pause', event_ts: '2026-01-01T00:00:00.000001Z', duration_ms: 1_500, device: null, raw_payload: '{}' };
  const about = { id: 'c', slug: 's', title: 'T', content_type: 'video', length_seconds: 30, publish_ts: '2025-01-01T00:00:00Z' };

  it('has the fields that the peers write', () => {
    expect(outputOf(event, about)).to.deep.equal({
      id: 7, content_id: 'c', user_id: 'u', event_type: 'pause', event_ts: '2026-01-01T00:00:00.000001Z', duration_ms: 1_500, device: null,
      content_title: 'T', content_type: 'video', length_seconds: 30, engagement_seconds: 1.5, engagement_pct: 5,
    });
  });

  it('has no percentage without a content, a length or a duration, nor of a length of 0', () => {
    expect(outputOf(event, null)).to.include({ content_title: null, length_seconds: null, engagement_seconds: 1.5, engagement_pct: null });
    expect(outputOf(event, { ...about, length_seconds: null }).engagement_pct).to.equal(null);
    expect(outputOf(event, { ...about, length_seconds: 0 }).engagement_pct).to.equal(null);
    expect(outputOf({ ...event, duration_ms: null }, about)).to.include({ engagement_seconds: null, engagement_pct: null });
  });

  it('comes from one stage where nothing is re-partitioned, and from two with a store where a new key needs it', () => {
    const options = { app: 'app', topic: 'out', seen: () => undefined };
    const shape = (name: keyof typeof programs): unknown => plan(programs[name](options)).stages.map(({ stores, outputs }) => [stores.length, outputs.map(({ topic }) => topic)]);
    expect(shape('global')).to.deep.equal([[0, ['out']]]);
    expect(shape('repartition')).to.have.deep.members([[0, ['app-by-content-repartition']], [1, ['out']]]);
  });
});

describe('benchmarks: when the engine has finished', () => {
  const stage = (name: string, rest: Readonly<Record<string, number>>): object => ({ stage: name, tasks: 4, recordsIn: 10, recordsOut: 10, lagRecords: 0, ...rest });
  const worker = (...stages: readonly object[]): WorkerFigures => ({ stages }) as unknown as WorkerFigures;
  const expected = { partitions: 4, records: 10 };

  it('is when all stages have all partitions, all records and nothing behind', () => {
    expect(finished([worker(stage('a', { recordsOut: 12 }), stage('b', { recordsOut: 11 }))], expected)).to.equal(11);
  });

  it('sums over the workers', () => {
    const half = { tasks: 2, recordsIn: 5, recordsOut: 5 };
    expect(finished([worker(stage('a', half)), worker(stage('a', half))], expected)).to.equal(10);
  });

  for (const [what, rest] of [['a partition nobody has', { tasks: 3 }], ['records not read', { recordsIn: 9 }], ['records not committed', { lagRecords: 1 }]] as const) {
    it(`is not with ${what}, in whichever stage`, () => {
      expect(finished([worker(stage('a', rest), stage('b', {}))], expected)).to.equal(null);
      expect(finished([worker(stage('a', {}), stage('b', rest))], expected)).to.equal(null);
    });
  }

  it('is not before any figures have come', () => {
    expect(finished([], expected)).to.equal(null);
  });
});

describe('benchmarks: the engine beside its peers', () => {
  it('takes what several processes used together from what they say themselves', () => {
    expect(runOf({ ...run('millrace', 'global-eos-w2', 1), end: 'END 17 500500 rss_mb=420 cpu_s=3.10' }).rss_mb).to.equal(420);
    expect(runOf({ ...run('streams', 'global-eos-t2', 1), end: 'END 17 500500' }).rss_mb).to.equal(100);
  });

  it('runs everything that is compared in every round, ours and theirs by turns', () => {
    const names = (index: number): readonly string[] => round(index).map(({ peer, variant }) => `${peer} ${variant}`);
    for (const { ours, theirs } of targets) {
      const [even, odd] = [names(0), names(1)];
      expect(even.indexOf(`streams ${theirs}`) - even.indexOf(`millrace ${ours}`)).to.equal(1);
      expect(odd.indexOf(`streams ${theirs}`) - odd.indexOf(`millrace ${ours}`)).to.equal(-1);
    }
  });

  it('compares the medians of the runs whose output was right', () => {
    const runs = [
      run('millrace', 'global-eos-w2', 100), run('millrace', 'global-eos-w2', 140), run('millrace', 'global-eos-w2', 10_000, { ok: false }), run('streams', 'global-eos-t2', 100),
      run('millrace', 'global-eos-w1', 99), run('streams', 'global-eos-t1', 100),
    ];
    expect(verdicts(runs).map(({ ours, ratio, passed }) => [ours, ratio, passed])).to.deep.equal([
      ['global-eos-w2', 1.2, true], ['repartition-eos-w2', null, null], ['global-eos-w1', 0.99, false],
    ]);
  });

  it('sums a program up in medians, and says how many runs were wrong', () => {
    const runs = [run('go', 'txn', 10, { cpu_s: 1, ties: 2 }), run('go', 'txn', 20, { cpu_s: 3, ties: 5 }), run('go', 'txn', 999, { ok: false, n: 3 }), run('kafkajs', 'txn', 5)];
    expect(summaries(runs).map(({ peer, runs: all, evps, cpuSecondsPerMillion, ties, wrongRuns }) => [peer, all, evps, cpuSecondsPerMillion, ties, wrongRuns])).to.deep.equal([
      ['go', 3, 15, 2_000, 5, 1], ['kafkajs', 1, 5, 2_000, 0, 0],
    ]);
  });
});
