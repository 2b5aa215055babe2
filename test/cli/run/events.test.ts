import { expect } from 'chai';
import { describe, it } from 'mocha';
import { from } from 'rxjs';
import { coarse, noticesOf, type CoarseEvent, type WorkerNews } from '../../../lib/cli/run/events.ts';
import type { WorkerEvent } from '../../../lib/runtime/events.ts';

const breaker = (worker: string, state: 'closed' | 'open' | 'half-open'): WorkerNews => ({ worker, event: { type: 'sinkState', sink: 'partner', state } });

const told = (news: readonly WorkerNews[]): readonly string[] => {
  const texts: string[] = [];
  noticesOf(from(news)).subscribe((text) => texts.push(text));
  return texts;
};

describe('events of workers, beyond their process', () => {
  it('are the rare ones, as plain data: errors as messages without passwords', () => {
    const all: readonly WorkerEvent[] = [
      { type: 'opened', stage: 's', partition: 0 },
      { type: 'committed', stage: 's', partition: 0, records: 1, ms: 1 },
      { type: 'sinkState', sink: 'partner', state: 'open' },
      { type: 'aborted', stage: 's', partition: 0, error: new Error('no answer from redis://user:hunter2@127.0.0.1') },
      { type: 'stopped' },
    ];
    const passed: CoarseEvent[] = [];
    coarse(from(all)).subscribe((event) => passed.push(event));
    expect(passed).to.deep.equal([
      { type: 'sinkState', sink: 'partner', state: 'open' },
      { type: 'aborted', stage: 's', partition: 0, error: 'no answer from redis://[redacted]@127.0.0.1' },
      { type: 'stopped' },
    ]);
  });

  it('are told to people once per outage of a sink and worker, however often it is tried', () => {
    const news = [breaker('a', 'open'), breaker('a', 'half-open'), breaker('a', 'open'), breaker('b', 'open'), breaker('a', 'half-open'), breaker('a', 'closed'), breaker('a', 'open')];
    expect(told(news)).to.deep.equal([
      'partner: the breaker is open in worker a', 'partner: the breaker is open in worker b', 'partner: the breaker is closed in worker a', 'partner: the breaker is open in worker a',
    ]);
  });

  it('are remembered of so many workers only: one that is started again has a new name each time', () => {
    const names = Array.from({ length: 300 }, (_, i) => `w${i}`);
    const first = breaker('w0', 'open');
    expect(told([...names.map((worker) => breaker(worker, 'open')), breaker('w299', 'open'), first])).to.have.length(301);
  });

  it('are told to people when tasks fail or state comes back, each time', () => {
    const aborted: WorkerNews = { worker: 'a', event: { type: 'aborted', stage: 's', partition: 2, error: 'a timeout' } };
    expect(told([aborted, aborted])).to.deep.equal(Array.from({ length: 2 }, () => 's: task 2 of worker a begins again at its last commit: a timeout'));
    const restored = (records: number): WorkerNews => ({ worker: 'a', event: { type: 'restored', stage: 's', store: 'totals', partition: 1, records, ms: 5 } });
    expect(told([restored(0), restored(1_234)])).to.deep.equal(['s: worker a restored 1,234 records of totals, partition 1']);
    expect(told([{ worker: 'a', event: { type: 'stopped' } }])).to.deep.equal([]);
  });
});
