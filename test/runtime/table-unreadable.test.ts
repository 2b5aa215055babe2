/** What a table makes of records that it cannot read, of values that were not sent, and of keys that are not those of its rows. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { silentLogger, type Logger } from '../../lib/core/logger.ts';
import { settled } from './support.ts';
import { change, FakeTopic, NOT_SENT, open, thrown, type Message } from './fake-table.ts';

describe('a table in a worker, of what it cannot take as it stands,', () => {
  it('counts records that cannot be read, and goes on with what it had', async () => {
    const topic = new FakeTopic(1);
    topic.append(0, { key: 1, value: change('c', { id: 1, text: 'a' }) }, { key: 1, value: { throws: 'unreadable' } }, { key: 2, value: change('c', { id: 2, text: 'b' }) });
    const { reader, close } = open(topic, { debezium: true });
    await reader.load();
    expect([reader.get(1), reader.get(2), reader.unreadable]).to.deep.equal([{ id: 1, text: 'a' }, { id: 2, text: 'b' }, 1]);
    await close();
  });

  for (const [what, value] of [['null', null], ['a number', 5], ['an object without the column of the key', { lang: 'de' }]] as const) {
    it(`counts ${what} as a record that cannot be read`, async () => {
      const topic = new FakeTopic(1);
      const bytes = Buffer.from(JSON.stringify(value));
      topic.append(0, { key: 1, value: bytes });
      const { reader, close } = open(topic);
      await reader.load();
      expect([reader.size, reader.unreadable]).to.deep.equal([0, 1]);
      await close();
    });
  }

  for (const [what, throws] of [['a bug in a decoder', 'bug'], ['what stops a worker', 'stop']] as const) {
    it(`ends with ${what}, while it loads and after`, async () => {
      const topic = new FakeTopic(1);
      topic.append(0, { key: 1, value: { throws } });
      const loading = open(topic);
      expect(await loading.reader.load().catch((error: unknown) => error)).to.equal(thrown[throws]);
      await loading.close();
      const later = new FakeTopic(1);
      const following = open(later);
      await following.reader.load();
      later.append(0, { key: 1, value: { throws } });
      expect(await following.reader.running.catch((error: unknown) => error)).to.equal(thrown[throws]);
      await following.close();
    });
  }

  it('says once in a while which value was not sent, and how to have it sent', async () => {
    const topic = new FakeTopic(1);
    topic.append(0, { key: 7, value: { ...change('u', { id: 7, lang: 'de', text: NOT_SENT }), source: { snapshot: 'false', schema: 'public', table: 'content' } } });
    const lines: unknown[] = [];
    const log: Logger = { ...silentLogger, warn: (message, fields) => lines.push({ message, ...fields }), child: () => log };
    const { reader, close } = open(topic, { debezium: true, log });
    await reader.load();
    expect(reader.get(7)).to.deep.equal({ id: 7, lang: 'de', text: null });
    expect([reader.valuesUnavailable, reader.unreadable]).to.deep.equal([1, 0]);
    expect(lines).to.deep.equal([{
      message: 'a value of a table was not sent (unchanged TOAST) and no row before had it', table: 'rows', columns: ['text'], key: '7',
      hint: 'ALTER TABLE public.content REPLICA IDENTITY FULL; millrace snapshot then brings the value',
    }]);
    await close();
  });

  it('has no row rather than one with null where null is not allowed', async () => {
    const topic = new FakeTopic(1);
    // What becomes of a wide row whose primary key was changed, without its old row.
    topic.append(0, { key: 1, value: change('c', { id: 1, lang: 'de', text: 'a' }) }, { key: 1, value: change('d', null) }, { key: 1, value: null }, { key: 2, value: change('c', { id: 2, lang: NOT_SENT, text: NOT_SENT }) });
    const { reader, close } = open(topic, { debezium: true });
    await reader.load();
    expect([reader.size, reader.get(2), reader.valuesUnavailable, reader.unreadable]).to.deep.equal([0, undefined, 2, 1]);
    topic.append(0, { key: 2, value: change('u', { id: 2, lang: 'fr', text: 'b' }) }, { key: 2, value: change('u', { id: 2, lang: NOT_SENT, text: NOT_SENT }) });
    const caught = reader.caughtUp();
    await settled();
    topic.questions[0]!([6]);
    await caught;
    expect([reader.get(2), reader.valuesUnavailable, reader.unreadable]).to.deep.equal([{ id: 2, lang: 'fr', text: 'b' }, 2, 1]);
    await close();
  });

  it("keeps a large column behind the connector's own placeholder", async () => {
    const topic = new FakeTopic(1);
    topic.append(0, { key: 1, value: change('c', { id: 1, lang: 'de', text: 'long' }) }, { key: 1, value: change('u', { id: 1, lang: 'fr', text: '(unchanged)' }) });
    const { reader, close } = open(topic, { debezium: true, unavailable: '(unchanged)' });
    await reader.load();
    expect(reader.get(1)).to.deep.equal({ id: 1, lang: 'fr', text: 'long' });
    await close();
  });

  it('refuses rows whose key is not made of the columns of its own', async () => {
    const topic = new FakeTopic(1);
    topic.append(0, { key: 1, value: change('c', { id: 1, lang: 'de', text: 'a' }) });
    const lines: unknown[] = [];
    const log: Logger = { ...silentLogger, warn: (_, fields) => lines.push((fields?.['error'] as Error).message), child: () => log };
    const { reader, close } = open(topic, { debezium: true, key: ['lang'] as unknown as 'id', log });
    await reader.load();
    expect([reader.size, reader.unreadable]).to.deep.equal([0, 1]);
    expect(lines[0]).to.match(/^the record's key is not made of columns lang\. Name the columns of the key on the topic/);
    await close();
  });

  it('moves a row whose columns of the key change under one message key', async () => {
    const topic = new FakeTopic(1);
    const row = (key: string, id: number, text: string): Message => ({ key, value: { id, lang: 'x', text } });
    topic.append(0, row('a', 1, 'a1'), row('a', 2, 'a2'), row('b', 1, 'b1'), row('b', 2, 'b2'), { key: 'a', value: null });
    const { reader, close } = open(topic);
    await reader.load();
    expect([reader.get(1), reader.get(2), reader.size], 'the row of b stays though a had its key').to.deep.equal([undefined, { id: 2, lang: 'x', text: 'b2' }, 1]);
    await close();
  });

  it('is empty after a truncate, and a late tombstone takes no new row away', async () => {
    const topic = new FakeTopic(1);
    topic.append(0, { key: '1', value: change('c', { id: 1, text: 'a' }) }, { key: null, value: change('t', null) }, { key: 1, value: change('c', { id: 1, text: 'new' }) }, { key: '1', value: null });
    const { reader, close } = open(topic, { debezium: true });
    await reader.load();
    expect([reader.get(1), reader.size]).to.deep.equal([{ id: 1, text: 'new' }, 1]);
    await close();
  });
});
