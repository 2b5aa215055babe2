/**
 * Rows and their events from PostgreSQL, committed together or one right after the other, through one connector: an event finds its
 * row, also when workers are killed and restarted. `npm run bench -- join` does it for longer and beside Kafka Streams.
 */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { Output } from '../../benchmarks/join/output.ts';
import { writePairs, type PairLoad } from '../../benchmarks/join/pairs.ts';
import type { Outcome } from '../../benchmarks/join/tally.ts';
import { openPort } from '../../benchmarks/stack.ts';
import { pairs, type PairTopics } from './runtime/pairs.ts';
import { Captured } from './support/captured.ts';
import { Handles } from './support/handles.ts';
import { eventually, Lab, type WorkerProcess } from './support/lab.ts';
import { slowTablePort } from './support/slow-table.ts';
import { stack } from './support/stack.ts';

const PARTITIONS = 4;
const PAIRS = 4_000;
const RATE = 500;
const PROGRAM = 'test/integration/runtime/pairs.ts';
const CONTENT = 'id uuid PRIMARY KEY, slug text NOT NULL, title text NOT NULL, content_type text NOT NULL, length_seconds integer, publish_ts timestamptz NOT NULL';
const EVENTS = `id bigserial PRIMARY KEY, content_id uuid NOT NULL, user_id uuid NOT NULL, event_type text NOT NULL, event_ts timestamptz NOT NULL,
  duration_ms integer, device text, raw_payload jsonb`;

describe('a join with rows that are committed in PostgreSQL with their events, or right before them', function () {
  this.timeout(120_000);
  const handles = new Handles();
  const lab = new Lab('pairs', stack.endpoints.brokers.join(','));
  const port = openPort(stack.environment);
  const ends: (number | null)[] = [];
  let captured: Captured;
  let load: PairLoad;
  let outcome: Outcome;
  let hurried: Outcome;

  const worker = (topics: PairTopics): WorkerProcess =>
    lab.worker(PROGRAM, { ...stack.environment, RT_CONTENT: topics.content, RT_EVENTS: topics.events, RT_OUT: `${lab.app}.joined` });
  const opened = (workers: readonly WorkerProcess[]): number => workers.reduce((sum, started) => sum + started.said('task open').length, 0);
  const written = (share: number): Promise<void> => eventually(() => load.ids.size >= share * PAIRS, () => `${load.ids.size} of ${PAIRS} events are written`);

  before(async () => {
    captured = await Captured.create('pairs', { content: CONTENT, events: EVENTS });
    const topics = { content: captured.topic('content'), events: captured.topic('events') };
    await lab.topicCalled(topics.content, PARTITIONS, { 'cleanup.policy': 'compact' });
    await lab.topicCalled(topics.events, PARTITIONS);
    for (const out of ['joined', 'hurried']) await lab.topic(out, PARTITIONS);
    await captured.capture();
    const [first, second] = [worker(topics), worker(topics)];
    // It does not ask how far the table has come.
    const careless = slowTablePort({ brokers: lab.brokers, clientId: lab.app, table: topics.content }, 'ignored');
    const { handle } = handles.start(pairs(`${lab.app}-hurried`, topics, `${lab.app}.hurried`), { port: careless, environment: stack.environment });
    await eventually(() => opened([first, second]) >= PARTITIONS && handle.figures().stages[0]!.tasks === PARTITIONS, () => 'all tasks are open');
    load = writePairs({ connectionString: stack.endpoints.postgresUrl!, tables: { content: captured.table('content'), events: captured.table('events') }, pairs: PAIRS, rate: RATE, writers: 3 });
    await written(0.2);
    first.signal('SIGKILL');
    ends.push(await first.exited);
    const third = worker(topics);
    await written(0.5);
    ends.push((await second.stop()).code);
    const fourth = worker(topics);
    await load.done;
    const [output, hurriedOutput] = [await Output.open(port, `${lab.app}.joined`), await Output.open(port, `${lab.app}.hurried`)];
    await eventually(async () => {
      await Promise.all([output.read(), hurriedOutput.read()]);
      return output.tally.joined >= PAIRS && hurriedOutput.tally.joined >= PAIRS;
    }, () => `joined ${output.tally.joined} and ${hurriedOutput.tally.joined} of ${PAIRS}`);
    ends.push((await third.stop()).code, (await fourth.stop()).code);
    await handles.stop();
    await Promise.all([output.read(), hurriedOutput.read()]);
    outcome = output.tally.outcome(load.ids);
    hurried = hurriedOutput.tally.outcome(load.ids);
  });

  after(async () => {
    await handles.stop();
    await lab.close();
    await port.close();
    await captured.close();
  });

  it('finds the row of every event, and no older version of it, across a kill and a restart', () => {
    expect(ends).to.deep.equal([null, 0, 0, 0]);
    expect(load.ids.size).to.equal(PAIRS);
    expect(outcome).to.deep.equal({ joined: PAIRS, missed: 0, stale: 0, wrong: { together: 0, before: 0 }, lost: 0, duplicated: 0 });
  });

  it('would miss rows in both ways of committing if a batch did not wait for the table', () => {
    expect(hurried).to.include({ joined: PAIRS, lost: 0, duplicated: 0 });
    expect(hurried.wrong.together).to.be.above(0);
    expect(hurried.wrong.before).to.be.above(0);
  });
});
