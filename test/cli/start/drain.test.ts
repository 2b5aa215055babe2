import { expect } from 'chai';
import { describe, it } from 'mocha';
import { untilArrived, untilQuiet } from '../../../lib/cli/start/drain.ts';
import { FiguresBoard } from '../../../lib/cli/start/figures.ts';
import { StageCounters, type WorkerFigures } from '../../../lib/core/metrics.ts';

const never = new AbortController().signal;

const worker = (lagRecords: number): WorkerFigures => ({ worker: 'a', state: 'running', stages: [{ ...new StageCounters('s', null).snapshot(), lagRecords }], tables: [] });

const board = (lagRecords: number): FiguresBoard => {
  const made = new FiguresBoard();
  made.update(worker(lagRecords));
  return made;
};

describe('draining', () => {
  it('waits until every sink has what it must have', async () => {
    let asked = 0;
    const progress = async () => {
      asked += 1;
      return [{ sink: 'a', expected: 3, actual: 3 }, { sink: 'b', expected: 3, actual: asked }];
    };
    expect(await untilArrived({ progress, board: board(0), signal: never })).to.deep.equal([]);
    expect(asked).to.equal(3);
  });

  it('names the sinks that stopped short', async () => {
    const progress = async () => [{ sink: 'a', expected: 3, actual: 3 }, { sink: 'b', expected: 3, actual: 2 }];
    expect(await untilArrived({ progress, board: board(0), signal: never, stuckMs: 300 })).to.deep.equal([{ sink: 'b', expected: 3, actual: 2 }]);
  });

  it('asks again when a sink cannot be asked for a moment, and gives up when that lasts', async () => {
    let asked = 0;
    const flaky = async () => {
      asked += 1;
      if (asked < 3) throw new Error('socket hang up');
      return [];
    };
    expect(await untilArrived({ progress: flaky, board: board(0), signal: never })).to.deep.equal([]);
    const broken = () => Promise.reject(new Error('socket hang up'));
    const thrown: unknown = await untilArrived({ progress: broken, board: board(0), signal: never, stuckMs: 300 }).catch((error: unknown) => error);
    expect(String(thrown)).to.include('socket hang up');
  });

  it('ends when it is told to', async () => {
    const ending = new AbortController();
    const waiting = untilArrived({ progress: async () => [{ sink: 'a', expected: 1, actual: 0 }], board: board(0), signal: ending.signal });
    setTimeout(() => ending.abort(new Error('told to')), 20);
    expect(await waiting.then(() => 'arrived', () => 'ended')).to.equal('ended');
  });

  it('is quiet only after a while without lag', async () => {
    const lagging = board(5);
    const begun = performance.now();
    let quietAfterMs = 0;
    const waiting = untilQuiet({ progress: async () => [], board: lagging, signal: never }).then(() => {
      quietAfterMs = performance.now() - begun;
    });
    setTimeout(() => lagging.update(worker(0)), 400);
    await waiting;
    expect(quietAfterMs).to.be.within(3_300, 6_000);
  }).timeout(10_000);
});
