/** Rows and events that become visible in one transaction: an event must find its row, whichever partition is read first. */
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { json, leftJoin, map, stream, table, to, topology } from 'millrace/topology';
import { kafka } from 'millrace/sinks';
import { Handles } from './support/handles.ts';
import { eventually, Lab } from './support/lab.ts';
import { slowTablePort } from './support/slow-table.ts';

interface Row {
  readonly id: string;
  readonly version: number;
}
interface Event {
  readonly id: number;
  readonly row: string;
  readonly version: number;
}
interface Joined {
  readonly id: number;
  readonly expected: number;
  readonly found: number | null;
}

const PARTITIONS = 4;
const SENDERS = 4;
const ROWS_A_TRANSACTION = 50;

const joining = (app: string) => {
  const rows = table(`${app}.rows`, json<Row>(), { key: 'id' });
  return topology(app, stream(`${app}.events`, json<Event>()).pipe(
    leftJoin(rows, (event) => event.row),
    map(([event, row]): Joined => ({ id: event.id, expected: event.version, found: row?.version ?? null })),
    to('joined', kafka(`${app}.joined`, json<Joined>())),
  ));
};

/** Each transaction writes new versions of rows, then events that name the versions. */
const write = async (lab: Lab, events: number): Promise<void> => {
  let next = 0;
  const send = async (sender: number): Promise<void> => {
    const producer = lab.kafka.producer({ transactionalId: `${lab.app}.${sender}`, idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    for (let version = 1; next < events; version += 1) {
      const ids = Array.from({ length: Math.min(ROWS_A_TRANSACTION, events - next) }, (_, i) => next + i);
      next += ids.length;
      const transaction = await producer.transaction();
      // Rows of this sender only: nobody else's transaction may bring a newer version of them.
      const rowOf = (id: number): string => `${sender}-${id % ROWS_A_TRANSACTION}`;
      await transaction.send({ topic: `${lab.app}.rows`, messages: ids.map((id) => ({ key: rowOf(id), value: JSON.stringify({ id: rowOf(id), version } satisfies Row) })) });
      await transaction.send({ topic: `${lab.app}.events`, messages: ids.map((id) => ({ key: String(id), value: JSON.stringify({ id, row: rowOf(id), version } satisfies Event) })) });
      await transaction.commit();
    }
    await producer.disconnect();
  };
  await Promise.all(Array.from({ length: SENDERS }, (_, sender) => send(sender)));
};

describe('a join with a table that is written in the same transactions', function () {
  this.timeout(180_000);
  const handles = new Handles();
  const labs: Lab[] = [];

  afterEach(async () => {
    await handles.stop();
    await Promise.all(labs.splice(0).map((lab) => lab.close()));
  });

  /** @returns what each event found */
  const joinAll = async (events: number, highWatermark: 'asked' | 'ignored'): Promise<readonly Joined[]> => {
    const lab = new Lab('join');
    labs.push(lab);
    await lab.topic('rows', PARTITIONS, { 'cleanup.policy': 'compact' });
    await lab.topic('events', PARTITIONS);
    const { handle } = handles.start(joining(lab.app), { port: slowTablePort({ brokers: lab.brokers, clientId: lab.app, table: `${lab.app}.rows` }, highWatermark) });
    await eventually(() => handle.figures().stages[0]!.tasks === PARTITIONS, () => 'all tasks are open');
    await write(lab, events);
    await eventually(() => handle.figures().stages[0]!.recordsIn >= events && handle.figures().stages[0]!.lagRecords === 0, () => JSON.stringify(handle.figures()));
    await handle.stop();
    expect(handle.figures().stages[0]!.catchupTimeouts).to.equal(0);
    return lab.readJson<Joined>(`${lab.app}.joined`);
  };
  const stale = (joined: readonly Joined[]): readonly Joined[] => joined.filter(({ expected, found }) => found === null || found < expected);

  it('finds every row, and no older version of it, for 20,000 events over 4 x 4 partitions', async () => {
    const joined = await joinAll(20_000, 'asked');
    expect(new Set(joined.map(({ id }) => id)).size).to.equal(20_000);
    expect(joined.length).to.equal(20_000);
    expect(joined.filter(({ found }) => found === null)).to.deep.equal([]);
    expect(stale(joined)).to.deep.equal([]);
  });

  it('would miss rows without the catch-up', async () => {
    const joined = await joinAll(3_000, 'ignored');
    expect(joined.length).to.equal(3_000);
    expect(stale(joined).length).to.be.above(0);
  });
});
