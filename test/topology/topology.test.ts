import { expect } from 'chai';
import { describe, it } from 'mocha';
import { branch, join, json, keyBy, kafka, redis, scan, stream, table, through, to, topology, TopologyError, type End } from 'millrace/topology';

interface Item { readonly id: string }
const items = stream('items', json<Item>());
const latest = redis.hash({ key: 'k', fields: () => ({}) });
const idOf = (item: Item): string => item.id;
const count = (n: number): number => n + 1;
const counting = (name: string) => scan<unknown, string, number>(name, count, { state: json<number>(), seed: 0 });

const problemsOf = (name: string, ...ends: readonly End[]): readonly string[] => {
  try {
    topology(name, ...ends);
  } catch (error) {
    if (error instanceof TopologyError) return error.problems;
    throw error;
  }
  return [];
};

describe('topology', () => {
  it('is a frozen value of its name and its sinks, in the order given', () => {
    const [first, second] = [items.pipe(to('first', latest)), items.pipe(to('second', latest))];
    const app = topology('app', first, second);
    expect(app).to.deep.equal({ name: 'app', sinks: [first.sink, second.sink] });
    expect(app).to.be.frozen;
    expect(app.sinks).to.be.frozen;
  });

  it('refuses to have no sink', () => {
    expect(problemsOf('app')).to.deep.equal(['a topology without a sink does nothing']);
  });

  for (const name of ['', ' ', 'a b', 'ä', 'a/b', '.', '..', 'x'.repeat(250)]) {
    it(`refuses the name ${JSON.stringify(name.slice(0, 5))} of ${name.length} characters, as its own and for every step`, () => {
      const stepped = stream(name, json<Item>()).pipe(keyBy(name, idOf), counting(name), through(name, json()), to(name, kafka(name, json())));
      expect(problemsOf('app', stepped)).to.have.length(6);
      expect(problemsOf(name, items.pipe(to('out', latest)))).to.have.length(1);
    });
  }

  for (const name of ['a', 'A.b_c-9', 'x'.repeat(100)]) {
    it(`takes the name ${name.slice(0, 10)} of ${name.length} characters`, () => {
      expect(problemsOf(name, items.pipe(keyBy(name, idOf), counting(name), to(name, latest)))).to.deep.equal([]);
    });
  }

  it('takes a longer name for a topic than for what becomes a part of one', () => {
    const through249 = through<Item, string>('t'.repeat(249), json());
    expect(problemsOf('app', items.pipe(keyBy('by-id', idOf), through249, to('out', latest)))).to.deep.equal([]);
    expect(problemsOf('app', items.pipe(keyBy('k'.repeat(101), idOf), to('out', latest)))).to.have.length(1);
  });

  it('says everything that is wrong at once, and where', () => {
    const build = () => topology('', items.pipe(keyBy('', idOf), counting('by id'), to('out', latest)), items.pipe(to('out', latest, { batch: { records: 0 } })));
    expect(build).to.throw(TopologyError).with.property('message', [
      'topology "" has 5 problems:',
      "  - the topology's name is empty",
      '  - keyBy: the name is empty (stream(items) > keyBy)',
      `  - scan(by id): the name "by id" is not legal in Kafka: letters, digits, '.', '_' and '-', at most 100 (stream(items) > keyBy > scan(by id))`,
      '  - to(out): batch.records is 0: it must be a whole number above 0 (stream(items) > to(out))',
      '  - the sink out is declared 2 times: stream(items) > keyBy > scan(by id) > to(out); stream(items) > to(out)',
    ].join('\n'));
  });

  it('refuses two steps that would share a store or a topic', () => {
    const keyed = items.pipe(keyBy('by-id', idOf));
    expect(problemsOf('app',
      keyed.pipe(counting('total'), through('totals', json()), to('first', latest)),
      items.pipe(keyBy('by-id', idOf), counting('total'), through('totals', json()), to('second', latest)),
    ).map((problem) => problem.split(':')[0])).to.deep.equal(['the repartition topic by-id is declared 2 times', 'the store total is declared 2 times', 'the topic totals is declared 2 times']);
  });

  it('lets one step be used twice', () => {
    const totals = items.pipe(keyBy('by-id', idOf), counting('total'), through('totals', json()));
    expect(problemsOf('app', totals.pipe(to('first', latest)), totals.pipe(to('second', latest)))).to.deep.equal([]);
  });

  it('refuses one table with two keys, and a table without one', () => {
    interface Row { readonly id: string; readonly slug: string }
    const joined = (name: string, key: 'id' | 'slug') => items.pipe(join(table('rows', json<Row>(), { key }), idOf), to(name, latest));
    expect(problemsOf('app', joined('first', 'id'), joined('second', 'slug'))).to.deep.equal(['the table rows is declared with different keys: id / slug']);
    expect(problemsOf('app', joined('first', 'id'), joined('second', 'id'))).to.deep.equal([]);
    const keyless = items.pipe(join(table('rows', json<Row>(), { key: [] }), () => [] as const), to('out', latest));
    expect(problemsOf('app', keyless)).to.deep.equal(['join(rows): a table has no key column (stream(items) > join(rows))']);
  });

  it('checks only what its sinks stand on', () => {
    items.pipe(branch({}));
    expect(problemsOf('app', items.pipe(to('out', latest)))).to.deep.equal([]);
  });
});
