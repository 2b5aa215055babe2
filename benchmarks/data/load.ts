/** Half a million events by SQL through Debezium into Kafka; done once, and found again by later runs. */
import { rm, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { clean } from '../../lib/stack/index.ts';
import { say } from '../say.ts';
import { EVENTS_TOPIC, INPUT_DIR, inputStack, openPort, type BenchStack, type StackEnvironment } from '../stack.ts';
import { TopicReader } from './topic.ts';

const CHUNK = 50_000;
/** Debezium ships 9,000 rows a second and more; so long without one more record, and it has stopped. */
const STALLED_MS = 60_000;
const POLL_MS = 500;

/** Where the peers build and keep their results. */
export const PEERS_BUILD = join(INPUT_DIR, 'peers');

const statement = (name: string): Promise<string> => readFile(join(import.meta.dirname, name), 'utf8');

const withClient = async <T>(environment: StackEnvironment, task: (client: pg.Client) => Promise<T>): Promise<T> => {
  const client = new pg.Client({ connectionString: environment.MILLRACE_PG_URL! });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await task(client);
  } finally {
    await client.end();
  }
};

const rowCount = (environment: StackEnvironment): Promise<number> =>
  withClient(environment, async (client) => Number((await client.query<{ readonly n: string }>('SELECT count(*) AS n FROM engagement_events')).rows[0]!.n));

const insertAll = (environment: StackEnvironment, events: number): Promise<void> =>
  withClient(environment, async (client) => {
    await client.query(await statement('contents.sql'));
    const sql = await statement('events.sql');
    for (let first = 1; first <= events; first += CHUNK) {
      await client.query('SELECT setseed($1)', [(first % 1_000_003) / 1_000_003]);
      await client.query(sql, [first, Math.min(events, first + CHUNK - 1)]);
      say(`  ${Math.min(events, first + CHUNK - 1).toLocaleString('en-US')} rows in PostgreSQL`);
    }
    await client.query('ANALYZE');
  });

/** Waits until the topic has so many records. */
const untilShipped = async (environment: StackEnvironment, events: number): Promise<number> => {
  const port = openPort(environment);
  try {
    const topic = await TopicReader.open(port, EVENTS_TOPIC, 'start');
    let count = 0;
    let known = 0;
    let movedMs = performance.now();
    let saidMs = movedMs;
    for (;;) {
      for await (const batch of topic.read()) count += batch.count;
      const nowMs = performance.now();
      if (count > known) movedMs = nowMs;
      known = count;
      if (count >= events) return count;
      if (nowMs - movedMs > STALLED_MS) throw new Error(`${EVENTS_TOPIC} has ${count} of ${events} records and gets no more: is the connector running?`);
      if (nowMs - saidMs > 5_000) {
        saidMs = nowMs;
        say(`  ${count.toLocaleString('en-US')} records in Kafka`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  } finally {
    await port.close();
  }
};

/** The stack with exactly so many events in PostgreSQL and in Kafka. */
export const loadedStack = async (events: number): Promise<BenchStack> => {
  const stack = await inputStack();
  if ((await rowCount(stack.environment)) === events && (await untilShipped(stack.environment, events)) === events) {
    say(`The input is there already: ${events.toLocaleString('en-US')} events`);
    return stack;
  }
  const empty = (await rowCount(stack.environment)) === 0 ? stack : await renewed();
  await rm(join(PEERS_BUILD, 'expected.tsv'), { force: true });
  const begunMs = performance.now();
  await insertAll(empty.environment, events);
  const shipped = await untilShipped(empty.environment, events);
  if (shipped !== events) throw new Error(`${EVENTS_TOPIC} has ${shipped} records in place of ${events}`);
  say(`${events.toLocaleString('en-US')} events loaded in ${((performance.now() - begunMs) / 1_000).toFixed(0)} s`);
  return empty;
};

const renewed = async (): Promise<BenchStack> => {
  say('The stack holds another number of events: starting it anew');
  await clean({ dir: INPUT_DIR });
  return inputStack();
};
