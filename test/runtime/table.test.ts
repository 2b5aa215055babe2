import { expect } from 'chai';
import { describe, it } from 'mocha';
import { systemClock } from '../../lib/core/clock.ts';
import { StopError } from '../../lib/core/errors.ts';
import { OffsetOutOfRangeError } from '../../lib/kafka/errors.ts';
import { settled } from './support.ts';
import { change, FakeTopic, open, type Message } from './fake-table.ts';

describe('a table in a worker', () => {
  it('has the latest row per key; tombstones and deletes take rows away', async () => {
    const topic = new FakeTopic(1);
    const row = (id: number, text: string): Message => ({ key: id, value: change('u', { id, text }) });
    topic.append(0, row(1, 'a'), row(2, 'b'), row(1, 'c'), { key: 2, value: change('d', null) }, { key: 2, value: null }, row(3, 'd'), { key: 3, value: null });
    const { reader, close } = open(topic, { debezium: true });
    await reader.load();
    expect([reader.get(1), reader.get(2), reader.get(3), reader.size]).to.deep.equal([{ id: 1, text: 'c' }, undefined, undefined, 1]);
    await close();
  });

  it('follows a changed primary key: delete, tombstone, create', async () => {
    const topic = new FakeTopic(1);
    topic.append(0, { key: 1, value: change('c', { id: 1, text: 'a' }) }, { key: 1, value: change('d', null) }, { key: 1, value: null }, { key: 7, value: change('c', { id: 7, text: 'a' }) });
    const { reader, close } = open(topic, { debezium: true });
    await reader.load();
    expect([reader.get(1), reader.get(7)]).to.deep.equal([undefined, { id: 7, text: 'a' }]);
    await close();
  });

  it('finds and forgets rows by several columns, in the order of the declaration, whatever the order in the message key', async () => {
    const topic = new FakeTopic(1);
    topic.append(0, { key: ['de', 1], value: change('c', { id: 1, lang: 'de', text: 'eins' }) }, { key: ['en', 1], value: change('c', { id: 1, lang: 'en', text: 'one' }) }, { key: ['de', 1], value: null });
    const { reader, close } = open(topic, { debezium: true, key: ['id', 'lang'] });
    await reader.load();
    expect([reader.get([1, 'en']), reader.get([1, 'de']), reader.size]).to.deep.equal([{ id: 1, lang: 'en', text: 'one' }, undefined, 1]);
    await close();
  });

  it('forgets a row whose message key is another form of its own', async () => {
    const topic = new FakeTopic(1);
    topic.append(0, { key: '1', value: { id: 1, lang: 'x', text: 'a' } }, { key: '2', value: { id: 2, lang: 'x', text: 'b' } }, { key: '1', value: null });
    const { reader, close } = open(topic);
    await reader.load();
    expect([reader.get(1), reader.get(2)]).to.deep.equal([undefined, { id: 2, lang: 'x', text: 'b' }]);
    await close();
  });

  it('keeps a large column that an update has left out', async () => {
    const topic = new FakeTopic(1);
    topic.append(0, { key: 1, value: change('c', { id: 1, lang: 'de', text: 'long' }) }, { key: 1, value: change('u', { id: 1, lang: 'fr', text: '__debezium_unavailable_value' }) });
    const { reader, close } = open(topic, { debezium: true });
    await reader.load();
    expect(reader.get(1)).to.deep.equal({ id: 1, lang: 'fr', text: 'long' });
    await close();
  });

  it('waits for the end that is asked for after the call, not for one that was asked for before', async () => {
    const topic = new FakeTopic(1);
    const { reader, close } = open(topic);
    await reader.load();
    const caught: string[] = [];
    const first = reader.caughtUp().then(() => caught.push('first'));
    await settled();
    topic.append(0, { key: 1, value: { id: 1 } });
    const second = reader.caughtUp().then(() => caught.push('second'));
    const third = reader.caughtUp().then(() => caught.push('third'));
    await settled();
    expect(topic.questions).to.have.length(1);
    topic.questions[0]!([0]);
    await first;
    await settled();
    expect(caught).to.deep.equal(['first']);
    // One question for both that came while the first was on its way.
    expect(topic.questions).to.have.length(2);
    topic.questions[1]!([2]);
    await systemClock.sleep(10);
    expect(caught).to.deep.equal(['first']);
    topic.append(0, { key: 2, value: { id: 2 } });
    await Promise.all([second, third]);
    expect(reader.get(2)).to.deep.equal({ id: 2 });
    await close();
  });

  it('goes on after a bounded wait when the end does not come', async () => {
    const topic = new FakeTopic(1);
    const { reader, close } = open(topic, { settings: { tableCatchupTimeoutMs: 20 } });
    await reader.load();
    const caught = reader.caughtUp();
    await settled();
    topic.questions[0]!([5]);
    expect(await caught).to.equal(false);
    await close();
  });

  for (const { what, marks, ageMs, waits } of [
    { what: 'does not wait for a snapshot whose last row it has, though another partition is read later', marks: [['first', 10], ['last_in_data_collection', 12], ['true', 11]], ageMs: 0, waits: false },
    { what: 'waits for a snapshot that runs', marks: [['first', 10], ['true', 11]], ageMs: 0, waits: true },
    { what: 'does not wait for a snapshot that has brought nothing for long', marks: [['first', 10], ['true', 11]], ageMs: 500, waits: false },
    { what: 'does not wait where changes have followed the snapshot', marks: [['first', 10], ['true', 11], ['false', 15]], ageMs: 0, waits: false },
  ] as const) {
    it(what, async () => {
      const topic = new FakeTopic(1);
      topic.append(0, ...marks.map(([mark, timestamp], id): Message => ({ key: id, value: change(mark === 'false' ? 'u' : 'r', { id }, mark), timestamp })));
      const { reader, close } = open(topic, { debezium: true, settings: { tableBootstrapTimeoutMs: 150 }, now: 15 + ageMs });
      const began = performance.now();
      await reader.load();
      expect(performance.now() - began > 100).to.equal(waits);
      await close();
    });
  }

  it('ends with an error when its log is gone', async () => {
    const topic = new FakeTopic(1);
    const { reader, close } = open(topic);
    await reader.load();
    topic.failure = new OffsetOutOfRangeError([{ topic: 'rows', partition: 0, offset: 0 }]);
    const error: unknown = await reader.running.catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(StopError);
    await close();
  });
});
