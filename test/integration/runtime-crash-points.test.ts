/** For every crash point: a worker process that dies there by itself, and another that goes on; the expected side is plain arithmetic on what was sent. */
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { after, before, describe, it } from 'mocha';
import { CRASH_POINTS, type CrashPoint } from '../../lib/core/crash-points.ts';
import { adding } from './runtime/adding.ts';
import { counting, type Count, type Event } from './runtime/counting.ts';
import { Handles } from './support/handles.ts';
import { eventually, Lab, type ReadRecord } from './support/lab.ts';

const EVENTS = 420;
/** Sent before the worker dies; the rest comes after that, so that what is done twice has been done when the last of it is there. */
const BEFORE = 400;
const USERS = 11;
const PARTITIONS = 2;
/** Workers that start at once: each is a process of its own. */
const AT_ONCE = 4;
/** Much happens in little input: many small fetches, and as many commits. */
const SETTINGS = {
  MILLRACE_FETCH_PARTITION_BYTES: '1024', MILLRACE_QUEUE_BYTES: '2048', MILLRACE_COMMIT_INTERVAL_MS: '1', MILLRACE_SINK_COMMIT_INTERVAL_MS: '1',
  MILLRACE_SESSION_TIMEOUT_MS: '6000', MILLRACE_HTTP_PORT: 'off',
};

const eventOf = (id: number): Event => ({ id, user: `user-${(id * 31) % USERS}`, amount: (id % 13) - 6 });
const events = Array.from({ length: EVENTS }, (_, id) => eventOf(id));
const messages = events.map((event) => ({ key: String(event.id), value: JSON.stringify(event) }));

const OPENING = CRASH_POINTS.slice(0, CRASH_POINTS.indexOf('before-send'));
const COMMIT = CRASH_POINTS.slice(CRASH_POINTS.indexOf('before-send'), CRASH_POINTS.indexOf('before-write'));
const WRITE = CRASH_POINTS.slice(CRASH_POINTS.indexOf('before-write'));

interface Case {
  readonly program: 'counting' | 'adding';
  readonly point: CrashPoint;
  readonly passing: number;
}

/** Two stages open four tasks, and have committed when they come to their fifth commit; the sink's stage has a commit for each write. */
const CASES: readonly Case[] = [
  ...OPENING.map((point) => ({ program: 'counting', point, passing: 3 }) as const),
  ...COMMIT.map((point) => ({ program: 'counting', point, passing: 5 }) as const),
  ...[...WRITE, ...COMMIT.filter((point) => point !== 'before-send' && point !== 'after-store')].map((point) => ({ program: 'adding', point, passing: 4 }) as const),
];

/** Sums and counts after all events, by user. */
const expectedOf = (): Map<string, { readonly n: number; readonly sum: number }> => {
  const totals = new Map<string, { readonly n: number; readonly sum: number }>();
  for (const { user, amount } of events) {
    const { n, sum } = totals.get(user) ?? { n: 0, sum: 0 };
    totals.set(user, { n: n + 1, sum: sum + amount });
  }
  return totals;
};

interface Died {
  readonly signal: NodeJS.Signals | null;
  readonly point: unknown;
  readonly passing: unknown;
}

interface Result {
  readonly died: Died;
  readonly out: readonly ReadRecord[];
  readonly changelog: readonly ReadRecord[];
  readonly redis: Readonly<Record<string, string>>;
}

describe('a worker that dies at a crash point', function () {
  this.timeout(150_000);
  const lab = new Lab('crash');
  const handles = new Handles();
  let redis: Redis;
  const results = new Map<Case, Result>();
  let starting = 0;

  /** Runs one case to its end. */
  const run = async (one: Case, app: string): Promise<Result> => {
    await lab.topicCalled(`${app}.events`, PARTITIONS);
    await lab.send(`${app}.events`, messages.slice(0, BEFORE));
    await eventually(() => starting < AT_ONCE, () => 'a place', 120_000);
    starting += 1;
    const worker = lab.worker(`test/integration/runtime/${one.program}.ts`, { ...SETTINGS, RT_APP: app, MILLRACE_CRASH_AT: `${one.point}:${one.passing}` });
    await worker.exited;
    starting -= 1;
    // What it wrote last may be read after it has gone.
    await worker.until('crash point');
    await lab.send(`${app}.events`, messages.slice(BEFORE));
    const [line] = worker.said('crash point');
    const died = { signal: worker.child.signalCode, point: line?.point, passing: line?.passing };
    const { handle: next } = handles.start(one.program === 'counting' ? counting(app) : adding(app), { environment: { ...process.env, ...SETTINGS, MILLRACE_KAFKA_BROKERS: lab.brokers } });
    // The group waits until the dead member's session has ended.
    const isDone = (): boolean => next.figures().stages.every(({ tasks, lagRecords }) => tasks === PARTITIONS && lagRecords === 0);
    await eventually(async () => {
      if (!isDone()) return false;
      return one.program === 'adding' ? Number(await redis.hget(app, 'records')) >= EVENTS : (await lab.readJson<Count>(`${app}.counts`)).length >= EVENTS;
    }, () => `${one.program}, ${one.point}: ${JSON.stringify(next.figures().stages)}, ${JSON.stringify(died)}`, 60_000);
    await next.stop();
    return {
      died, redis: await redis.hgetall(app),
      out: one.program === 'counting' ? await lab.read(`${app}.counts`) : [],
      changelog: one.program === 'counting' ? await lab.read(`${app}-counts-changelog`) : [],
    };
  };

  before(async () => {
    redis = new Redis(process.env.MILLRACE_REDIS_URL!);
    await lab.admin();
    // Starting and dying take time of the machine; waiting for the dead members' sessions takes none, so all wait at once.
    await Promise.all([...CASES.entries()].map(async ([index, one]) => void results.set(one, await run(one, `${lab.app}-${index}`))));
  });

  after(async () => {
    await handles.stop();
    const keys = await redis.keys(`*${lab.app}*`);
    if (keys.length > 0) await redis.del(keys);
    redis.disconnect();
    await lab.close();
  });

  for (const one of CASES) {
    const { program, point, passing } = one;
    it(`${point} (${program}): it dies there, and everything is there once`, () => {
      const { died, out, changelog, redis: sums } = results.get(one)!;
      expect(died).to.deep.equal({ signal: 'SIGKILL', point, passing });
      const expected = expectedOf();
      if (program === 'adding') {
        expect(sums).to.deep.equal({ ...Object.fromEntries([...expected].map(([user, { sum }]) => [user, String(sum)])), records: String(EVENTS) });
        return;
      }
      const counts = out.map(({ value }) => JSON.parse(String(value)) as Count);
      expect(counts.map(({ id }) => id).toSorted((a, b) => a - b)).to.deep.equal(events.map(({ id }) => id));
      const last = new Map(changelog.map(({ key, value }) => [key, JSON.parse(String(value)) as Count]));
      expect(Object.fromEntries([...last].map(([user, { n, sum }]) => [user, { n, sum }]))).to.deep.equal(Object.fromEntries(expected));
    });
  }
});
