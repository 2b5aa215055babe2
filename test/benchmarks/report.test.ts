import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { BackfillBody } from '../../benchmarks/backfill/run.ts';
import type { CommitBody } from '../../benchmarks/commit/run.ts';
import type { RestoreBody } from '../../benchmarks/restore/run.ts';
import type { EngineBody } from '../../benchmarks/engine/run.ts';
import type { JoinBody } from '../../benchmarks/join/run.ts';
import type { HoldBody } from '../../benchmarks/live/hold.ts';
import type { LatencyBody } from '../../benchmarks/live/latency.ts';
import { reportText, type Results } from '../../benchmarks/report/text.ts';
import { markdownTable } from '../../benchmarks/report/words.ts';
import type { PartName, Result } from '../../benchmarks/results.ts';

const none: Results = { engine: null, profile: null, latency: null, hold: null, rate: null, join: null, commit: null, restore: null, backfill: null, micro: null };

const result = <T>(part: PartName, body: T): Result<T> => ({
  part, at: '2026-03-04T05:06:07.890Z', seconds: 61, machine: { cpu: 'A CPU', cores: 2, memoryGiB: 24, system: 'linux' }, versions: { node: 'v24' }, load: { before: 0.5, after: 1.25 }, body,
});

const summary = { runs: 2, lateEvps: 70_000, cpuSecondsPerMillion: 12.34, brokerCpuSecondsPerMillion: 5, otherCpuS: 1.5, rssMb: 210, ties: 0, wrongRuns: 0 };
const engine: EngineBody = {
  events: 500_500, rounds: 2, verified: true, skipped: { go: 'go not found' }, failed: [], runs: [],
  summaries: [{ ...summary, peer: 'millrace', variant: 'global-eos-w2', evps: 61_234 }, { ...summary, peer: 'streams', variant: 'global-eos-t2', evps: 41_000, ties: 79, wrongRuns: 1 }],
  verdicts: [{ ours: 'global-eos-w2', theirs: 'global-eos-t2', atLeast: 1.2, ratio: 1.493, passed: true }, { ours: 'global-eos-w1', theirs: 'global-eos-t1', atLeast: 1, ratio: 0.9, passed: false }],
};
const latency: LatencyBody = {
  workers: 2, targets: { p50Ms: 250, p99Ms: 750, commitIntervalMs: 100 }, passed: false,
  runs: [{ commitIntervalMs: 100, rate: 1_000, achieved: 999, seconds: 60, measured: 58_000, missing: 0, p50Ms: 180, p90Ms: 300, p99Ms: 800, maxMs: 900, busy: 0.66 }],
};
const hold: HoldBody = {
  workers: 2, rate: 2_000, seconds: 300, trend: { achieved: 1_999, growth: 0.4, behindAtEnd: 700 }, drainS: 2.5, rssByMinute: [300, 310, 311], rssGrowth: 1, aborts: 0, samples: [],
  sinks: [{ sink: 'partner', expected: 5, actual: 5 }], lagFlat: true, memoryFlat: null, complete: true,
};

const join: JoinBody = {
  pairs: 120_100, rate: 1_000, achieved: 998, workers: 2, restarts: ['SIGKILL of 1 of 2 workers at 18,000 pairs'], catchupTimeouts: 0, skipped: null, passed: true,
  programs: [
    { program: 'millrace', joined: 120_100, missed: 0, stale: 0, wrong: { together: 0, before: 0 }, lost: 0, duplicated: 0, drainS: 0.5 },
    { program: 'streams', joined: 120_100, missed: 12, stale: 1_201, wrong: { together: 613, before: 600 }, lost: 0, duplicated: 0, drainS: 2 },
  ],
};

const commitRun = { round: 0, cpuSecondsPerMillion: 8.2, commits: 30, output: 1_000_000 };
const commit: CommitBody = {
  records: 1_000_000, rounds: 3,
  runs: [{ ...commitRun, guarantee: 'exactly-once', tasks: 4, rate: 100_000 }, { ...commitRun, guarantee: 'at-least-once', tasks: 4, rate: 110_000, cpuSecondsPerMillion: 7 }],
  costs: [{ tasks: 4, exactlyOnce: 100_000, atLeastOnce: 110_000, cost: 0.091, passed: true }, { tasks: 16, exactlyOnce: 80_000, atLeastOnce: 100_000, cost: 0.2, passed: false }],
};

const restore: RestoreBody = {
  keys: 1_000_000, rounds: 3,
  rates: [{ mode: 'raw', rate: 600_000, share: 1 }, { mode: 'memory', rate: 390_000, share: 0.65 }, { mode: 'disk', rate: 210_000, share: 0.35 }],
  restart: { firstCommitMs: 714, restoredMs: 601, records: 12 },
  passed: { memory: true, disk: false, restart: true },
};

const backfill: BackfillBody = {
  liveRate: 200,
  runs: [
    { sink: 'orders', limit: 9_000, records: 300_000, rate: 8_950, before: { records: 4_000, p50Ms: 61.4, p99Ms: 120 }, during: { records: 6_000, p50Ms: 70, p99Ms: 230 } },
    { sink: 'rows', limit: null, records: 60_000, rate: 1_900, before: { records: 4_000, p50Ms: 60, p99Ms: 118 }, during: { records: 6_000, p50Ms: 90, p99Ms: 300 } },
  ],
  passed: { rate: true, redisP99: true, bigqueryP99: false },
};

describe('benchmarks: the report', () => {
  it('says of each part that was never run how to run it, and of each aim that it is not measured', () => {
    const text = reportText(none);
    for (const part of ['engine', 'profile', 'latency', 'hold', 'rate', 'join', 'commit', 'restore', 'backfill', 'micro']) expect(text).to.contain(`npm run bench -- ${part}`);
    expect(text.match(/: not measured\.$/gm)).to.have.length(13);
  });

  it('says where, when and beside how much load it was measured', () => {
    expect(reportText({ ...none, engine: result('engine', engine) })).to.contain('Measured 2026-03-04 05:06 UTC in 61 s on 2 cores (A CPU), 24 GiB, linux; load average 0.5 before and 1.25 after; node v24.');
  });

  it('gives each program a line, and says whose output was wrong', () => {
    const text = reportText({ ...none, engine: result('engine', engine) });
    expect(text).to.contain('| Millrace, everywhere join, two processes | 61,234 | 70,000 | 12.3 | 5.0 | 210 | 1.5 | equal to SQL |');
    expect(text).to.contain('| Kafka Streams, global table, two threads | 41,000 | 70,000 | 12.3 | 5.0 | 210 | 1.5 | 1 of 2 runs WRONG |');
    expect(text).to.contain('Not run: go: go not found.');
  });

  it('says of each aim whether it was reached', () => {
    const text = reportText({ ...none, engine: result('engine', engine), latency: result('latency', latency), hold: result('hold', hold) });
    expect(text).to.contain('- Millrace, everywhere join, two processes: at least 1.2x Kafka Streams, global table, two threads: reached.');
    expect(text).to.contain('- Millrace, everywhere join, one process: at least 1.0x Kafka Streams, global table, one thread: **not reached**.');
    expect(text).to.contain('| Millrace, everywhere join, two processes / Kafka Streams, global table, two threads | 1.2x | 1.49x | reached |');
    expect(text).to.contain('p99 at most 750 ms: **not reached**.');
    expect(text).to.contain('every sink complete: not measured.');
  });

  it('counts the rows that each program missed', () => {
    const text = reportText({ ...none, join: result('join', join) });
    expect(text).to.contain('| Millrace, two processes | 120,100 | 0 | 0 | 0 | 0 | 0 | 0 | 0.5 |');
    expect(text).to.contain('| Kafka Streams, global table, two threads | 120,100 | 12 (0.010 %) | 1,201 (1.0 %) | 613 | 600 | 0 | 0 | 2.0 |');
    expect(text).to.contain('- No event misses its row (120,100 pairs), also while workers are killed and restarted: reached.');
    expect(text).to.contain('Meanwhile: SIGKILL of 1 of 2 workers at 18,000 pairs.');
  });

  it('says what exactly once costs, with few tasks and with many', () => {
    const text = reportText({ ...none, commit: result('commit', commit) });
    expect(text).to.contain('| 4 | 100,000 | 110,000 | 8.2 and 7.0 | 9.1 % | reached |');
    expect(text).to.contain('| 16 | 80,000 | 100,000 |  | 20.0 % | **not reached** |');
    expect(text).to.contain('- Exactly once costs at most 15 % of the throughput at least once, with 4 and with 16 tasks: **not reached**.');
  });

  it('says how fast state comes back beside a plain consumer, and after a restart', () => {
    const text = reportText({ ...none, restore: result('restore', restore) });
    expect(text).to.contain('| into memory | 390,000 | 65 % | at least 60 %: reached |');
    expect(text).to.contain('| onto disk | 210,000 | 35 % | at least 40 %: **not reached** |');
    expect(text).to.contain('read 12 records of the changelog; its stores were open 601 ms and its first commit was done 714 ms after its process began.');
    expect(text).to.contain('- A worker whose state is on its disk (1,000,000 keys) has committed 5 s after its process began: reached.');
  });

  it('says how fast a backfill was, and what live traffic noticed of it', () => {
    const text = reportText({ ...none, backfill: result('backfill', backfill) });
    expect(text).to.contain('| Redis, a hash for each record | 9,000 | 300,000 | 8,950 | 61 / 120 | 70 / 230 |');
    expect(text).to.contain("| BigQuery's emulator | none | 60,000 | 1,900 | 60 / 118 | 90 / 300 |");
    expect(text).to.contain('- A backfill writes 8,000 records a second into Redis beside live traffic: reached.');
    expect(text).to.contain("while a backfill writes into BigQuery's emulator: **not reached**.");
  });

  it('says that output was only counted where nothing compared it', () => {
    const text = reportText({ ...none, engine: result('engine', { ...engine, verified: false }) });
    expect(text).to.contain('| counted only |').and.not.contain('equal to SQL');
  });

  it('keeps a bar within a cell', () => {
    expect(markdownTable(['a', 'b'], [['x|y', 'z']])).to.equal('| a | b |\n| --- | --- |\n| x\\|y | z |');
  });
});
