import { expect } from 'chai';
import { describe, it } from 'mocha';
import { interval, type Observable } from 'rxjs';
import { concatMap, json, kafka, mergeMap, stream, to, topology } from 'millrace/topology';
import { systemClock } from '../../lib/core/clock.ts';
import { EngineUnderTest } from './support.ts';

const numbers = stream('numbers', json<number>());

describe('an inner stream that emits more than it may', () => {
  const forever = function* (): Generator<number> {
    for (let n = 0; ; n += 1) yield n;
  };
  const kinds: Readonly<Record<string, () => Observable<number> | number[] | Iterable<number>>> = {
    'a list': () => [1, 2, 3, 4], 'an iterable without end': forever, 'over time, without end': () => interval(0),
  };
  for (const [kind, values] of Object.entries(kinds)) {
    for (const [operator, inner] of Object.entries({ concatMap, mergeMap })) {
      it(`is its record's dead letter, by step and with what to do: ${kind} in ${operator}`, async () => {
        const ask = (n: number): Observable<number> | Iterable<number> => (n === 2 ? values() : [n, n, n]);
        const under = new EngineUnderTest(topology('app', numbers.pipe(inner(ask), to('out', kafka('out', json<number>())))), { innerValues: 3 });
        const { task, run } = under.task([1, 2, 3]);
        const { counters } = under.context;
        const deadline = performance.now() + 1_500;
        while (counters.recordsIn < 3 && performance.now() < deadline) await systemClock.sleep(5);
        task.stop();
        expect(await run).to.equal(null);
        expect(under.producer.topic('out')).to.deep.equal(['1', '1', '1', '3', '3', '3']);
        const [letter, ...more] = under.producer.transactions.flatMap(({ written }) => written).filter(({ topic }) => topic === 'app-numbers-dlq');
        expect(more).to.deep.equal([]);
        expect(letter!.value).to.equal('2');
        expect(letter!.headers['__streams.errors.message']).to.match(/^an inner stream emitted more than 3 values for one record \(at .*numbers.* > (concat|merge)Map.*\)\. .*MILLRACE_INNER_VALUES$/);
      });
    }
  }

  it('may emit as much as it may', async () => {
    const under = new EngineUnderTest(topology('app', numbers.pipe(concatMap(() => [1, 2, 3]), to('out', kafka('out', json<number>())))), { innerValues: 3 });
    await under.record(0);
    await under.commit();
    expect(under.producer.topic('out')).to.deep.equal(['1', '2', '3']);
  });
});
