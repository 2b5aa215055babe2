/** What the steps for changes do with each kind, on the real functions in memory. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { changes, debezium, dedupe, filter, inserts, keyBy, map, schema, stream, through, to, topology, upserts, json, type End, type Operator, type Change } from 'millrace/topology';
import { kafka } from 'millrace/sinks';
import { plan } from 'millrace';
import { drive, type Driver } from 'millrace/testing';

interface Row { readonly id: number; readonly name: string }
const rows = stream('app.public.rows', debezium(schema<Row>({ type: 'record', name: 'Row', fields: [{ name: 'id', type: 'int' }, { name: 'name', type: 'string' }] })));

const one = { id: 1, name: 'one' };
const two = { id: 1, name: 'two' };

const driverOf = <V>(operator: Operator<Change<Row>, unknown, V, unknown>): Driver => {
  const text = (value: V): string => JSON.stringify(value);
  const end: End = rows.pipe(operator, map(text), to('out', kafka('out', json<string>())));
  return drive(topology('kinds', end));
};

const kinds: Readonly<Record<string, (driver: Driver) => void>> = {
  insert: (driver) => driver.input(rows).insert(one),
  update: (driver) => driver.input(rows).update(two),
  'update with its old row': (driver) => driver.input(rows).update(two, one),
  delete: (driver) => driver.input(rows).delete(one, { key: 1 }),
  'delete that is a tombstone': (driver) => driver.input(rows).delete(null, { key: 1 }),
  truncate: (driver) => driver.input(rows).truncate(),
  snapshot: (driver) => driver.input(rows).snapshot(one),
  'incremental snapshot': (driver) => driver.input(rows).snapshot(one, { source: { snapshot: 'incremental' } }),
};

/** What comes out: values, `dropped: reason`, or `dead letter: why`. */
const outcomes = (driver: Driver): readonly unknown[] => [
  ...driver.topic('out').map(({ value }) => JSON.parse(String(value)) as unknown),
  ...Object.keys(driver.dropped()).map((reason) => `dropped: ${reason}`),
  ...driver.deadLetters().map(({ error }) => `dead letter: ${error.message}`),
];

const withoutOrigin = ({ source: _, transaction: __, ...change }: Record<string, unknown>): unknown => change;

const NAME_THE_KEY = "Name the columns of the key on the topic, in its order: the primary key's, or those of the connector's message.key.columns";

describe('each kind of change', () => {
  const expected: readonly (readonly [step: string, make: () => Driver, outcomes: Readonly<Record<string, unknown>>])[] = [
    ['inserts({ snapshot: include })', () => driverOf(inserts({ snapshot: 'include' })), {
      insert: one, update: 'dropped: update', 'update with its old row': 'dropped: update', delete: 'dropped: delete', 'delete that is a tombstone': 'dropped: delete', truncate: 'dropped: truncate', snapshot: one, 'incremental snapshot': one,
    }],
    ['inserts({ snapshot: exclude })', () => driverOf(inserts({ snapshot: 'exclude' })), { insert: one, snapshot: 'dropped: snapshot', 'incremental snapshot': 'dropped: snapshot' }],
    ['changes({ snapshot: include })', () => driverOf(changes({ snapshot: 'include' })), {
      insert: { type: 'insert', row: one, before: null }, update: { type: 'update', row: two, before: null }, 'update with its old row': { type: 'update', row: two, before: null },
      delete: { type: 'delete', row: null, before: null }, 'delete that is a tombstone': { type: 'delete', row: null, before: null }, truncate: { type: 'truncate', row: null, before: null },
      snapshot: { type: 'snapshot', row: one, before: null }, 'incremental snapshot': { type: 'snapshot', row: one, before: null },
    }],
    ['changes({ snapshot: exclude, identity: full })', () => driverOf(changes({ snapshot: 'exclude', identity: 'full' })), {
      insert: { type: 'insert', row: one, before: null }, update: "dead letter: the change has no old row: the table's REPLICA IDENTITY is not FULL", 'update with its old row': { type: 'update', row: two, before: one },
      delete: { type: 'delete', row: null, before: one }, 'delete that is a tombstone': "dead letter: the change has no old row: the table's REPLICA IDENTITY is not FULL", truncate: { type: 'truncate', row: null, before: null },
      snapshot: 'dropped: snapshot', 'incremental snapshot': 'dropped: snapshot',
    }],
    ["upserts({ key: 'id' })", () => driverOf(upserts({ key: 'id' })), {
      insert: { type: 'upsert', key: 1, row: one }, update: { type: 'upsert', key: 1, row: two }, 'update with its old row': { type: 'upsert', key: 1, row: two }, delete: { type: 'delete', key: 1, row: null },
      'delete that is a tombstone': { type: 'delete', key: 1, row: null }, truncate: 'dead letter: a truncate names no row, so it cannot be told as upserts. The rows that were there have to be removed from the sink by other means',
      snapshot: { type: 'upsert', key: 1, row: one }, 'incremental snapshot': { type: 'upsert', key: 1, row: one },
    }],
    ["upserts({ key: ['name', 'id'] })", () => driverOf(upserts({ key: ['name', 'id'] })), {
      insert: { type: 'upsert', key: ['one', 1], row: one }, delete: `dead letter: the record's key is not made of columns name, id. ${NAME_THE_KEY}`,
    }],
  ];
  for (const [step, make, of] of expected) {
    for (const [kind, outcome] of Object.entries(of)) {
      it(`${kind}: ${step}`, () => {
        const driver = make();
        kinds[kind]!(driver);
        expect(outcomes(driver).map((each) => (typeof each === 'object' && each !== null && 'source' in each ? withoutOrigin(each as Record<string, unknown>) : each))).to.deep.equal([outcome]);
      });
    }
  }
});

describe('upserts by columns that are not those of the record\'s key', () => {
  const outcomeOf = (operator: Operator<Change<Row>, unknown, unknown, unknown>, give: (driver: Driver) => void): unknown => {
    const driver = driverOf(operator);
    give(driver);
    return outcomes(driver);
  };
  const refused = [`dead letter: the record's key is not made of column name. ${NAME_THE_KEY}`];

  it('are dead letters: the old row would stay, and a delete would take its key from a row that has none', () => {
    expect(outcomeOf(upserts({ key: 'name' }), (driver) => driver.input(rows).update(two, null, { key: 1 }))).to.deep.equal(refused);
    expect(outcomeOf(upserts({ key: 'name' }), (driver) => driver.input(rows).delete({ id: 1, name: '' }, { key: 1 }))).to.deep.equal(refused);
    expect(outcomeOf((all) => all.pipe(dedupe('seen'), filter(({ op }) => op !== 't'), upserts({ key: 'name' })), (driver) => driver.input(rows).insert(one, { key: 1, source: { lsn: 5n } }))).to.deep.equal(refused);
  });

  it('are none when the connector makes the key of them, in whatever order', () => {
    expect(outcomeOf(upserts({ key: ['name', 'id'] }), (driver) => driver.input(rows).delete(one, { key: [1, 'one'] }))).to.deep.equal([{ type: 'delete', key: ['one', 1], row: null }]);
    expect(outcomeOf(upserts({ key: 'id' }), (driver) => driver.input(rows).delete(one, { key: '1' }))).to.deep.equal([{ type: 'delete', key: 1, row: null }]);
  });

  it('cannot be told once the topology has given the records another key', () => {
    expect(outcomeOf((all) => all.pipe(keyBy(() => 'x'), upserts({ key: 'name' })), (driver) => driver.input(rows).insert(one, { key: 1 }))).to.deep.equal([{ type: 'upsert', key: 'one', row: one }]);
  });
});

describe('dedupe', () => {
  interface Sent { readonly key?: unknown; readonly lsn: bigint | null; readonly order?: number }
  const passes = (sent: readonly Sent[]): readonly boolean[] => {
    const driver = driverOf((all) => all.pipe(dedupe('seen'), map((change) => String(change.source.lsn))));
    return sent.map(({ key = 'k', lsn, order }) => {
      const before = driver.topic('out').length;
      const transaction = order === undefined ? {} : { transaction: { id: `7:${lsn}`, totalOrder: order, dataCollectionOrder: 1 } };
      driver.input(rows).insert(one, { key, source: { lsn }, ...transaction });
      return driver.topic('out').length > before;
    });
  };
  const [yes, no] = [true, false];

  for (const [what, sent, expected] of [
    ['drops what came before for the key', [{ lsn: 5n }, { lsn: 6n }, { lsn: 5n }, { lsn: 6n }, { lsn: 7n }], [yes, yes, no, no, yes]],
    ['lets a longer transaction of other keys come later with lower positions', [{ key: 'a', lsn: 110n }, { key: 'b', lsn: 100n }, { key: 'b', lsn: 100n }], [yes, yes, no]],
    ['tells rows of one position apart by their keys', [{ key: 'a', lsn: 5n }, { key: 'b', lsn: 5n }, { key: 'a', lsn: 5n }], [yes, yes, no]],
    ['tells changes of one position apart by their place in the transaction', [{ lsn: 5n, order: 1 }, { lsn: 5n, order: 2 }, { lsn: 5n, order: 1 }, { lsn: 5n, order: 2 }], [yes, yes, no, no]],
    ['keeps keys of different types apart', [{ key: '1', lsn: 5n }, { key: 1n, lsn: 5n }, { key: [1n, 'x'], lsn: 5n }, { key: 1n, lsn: 5n }, { key: [1n, 'x'], lsn: 5n }], [yes, yes, yes, no, no]],
    ['goes by the transaction where there is no key', [{ key: null, lsn: 5n, order: 1 }, { key: null, lsn: 5n, order: 2 }, { key: null, lsn: 5n, order: 1 }], [yes, yes, no]],
    ['takes positions beyond 2^53 exactly', [{ lsn: 9007199254740993n }, { lsn: 9007199254740992n }, { lsn: 9007199254740994n }], [yes, no, yes]],
  ] as const) {
    it(what, () => expect(passes(sent)).to.deep.equal(expected));
  }

  it('remembers as many changes as it was given room for', () => {
    const driver = driverOf((all) => all.pipe(dedupe('seen', { events: 3 }), map((change) => String(change.source.lsn))));
    const input = driver.input(rows);
    const send = (key: string, lsn: bigint): void => input.insert(one, { key, source: { lsn } });
    for (const [key, lsn] of [['a', 1n], ['b', 2n], ['c', 3n]] as const) send(key, lsn);
    for (const [key, lsn] of [['a', 1n], ['b', 2n], ['c', 3n]] as const) send(key, lsn);
    expect(driver.topic('out')).to.have.length(3);
    send('a', 4n);
    send('d', 5n);
    for (const [key, lsn] of [['a', 4n], ['c', 3n], ['d', 5n]] as const) send(key, lsn);
    expect(driver.topic('out')).to.have.length(5);
    send('b', 2n);
    expect(driver.topic('out'), 'b is forgotten').to.have.length(6);
    expect(driver.store('seen').size).to.equal(7);
    expect(driver.dropped()).to.deep.equal({ duplicate: 6 });
  });

  it('lets rows of snapshots, truncates and bare tombstones pass each time', () => {
    const driver = driverOf((all) => all.pipe(dedupe('seen'), map((change) => change.op)));
    for (let time = 0; time < 2; time += 1) {
      driver.input(rows).snapshot(one, { key: 'k', source: { lsn: 5n } });
      driver.input(rows).truncate({ source: { lsn: 5n } });
      driver.input(rows).delete(null, { key: 'k' });
    }
    expect(driver.topic('out').map(({ value }) => value)).to.deep.equal(['"r"', '"t"', '"d"', '"r"', '"t"', '"d"']);
  });

  it('takes a change that it cannot tell for a dead letter', () => {
    const driver = driverOf((all) => all.pipe(dedupe('seen'), map((change) => change.op)));
    driver.input(rows).insert(one, { key: 'k' });
    driver.input(rows).insert(one, { source: { lsn: 5n } });
    expect(driver.deadLetters().map(({ error, node }) => [node, error.message.split('.')[0]])).to.deep.equal([
      ['stream(app.public.rows) > dedupe(seen)', 'the change has no lsn to tell a repetition by'],
      ['stream(app.public.rows) > dedupe(seen)', 'the change has neither a key nor transaction metadata to tell a repetition by'],
    ]);
  });

  it('is a store of its stage, and a sink behind it gets a topic of its own', () => {
    const stages = plan(topology('app', rows.pipe(dedupe('seen'), inserts({ snapshot: 'include' }), through('clean', json<Row>()), to('out', kafka('out', json<Row>()))))).stages;
    expect(Object.fromEntries(stages.map(({ name, stores }) => [name, stores.map(({ changelog }) => changelog)]))).to.deep.equal({ 'app.public.rows': ['app-seen-changelog'], clean: [] });
  });
});
