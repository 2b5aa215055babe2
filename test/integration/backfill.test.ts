/** A backfill that is killed and goes on, beside live traffic, into Redis. The expected side is plain arithmetic. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { after, before, describe, it } from 'mocha';
import type { Order } from './backfill/topology.ts';
import { eventually, Lab } from './support/lab.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const TOPOLOGY = 'test/integration/backfill/topology.ts';
const HISTORY = 6_000;
const USERS = 10;
/** Of these users live traffic brings newer orders while the backfill runs. */
const ACTIVE_USERS = 4;
const NEWER = 40;

const orderOf = (id: number): Order => ({ id, user: id < HISTORY ? id % USERS : id % ACTIVE_USERS });
const ids = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

interface Line {
  readonly type: 'start' | 'progress' | 'end';
  readonly start?: string;
  readonly end?: string;
  readonly records?: number;
  readonly totalRecords?: number;
}

class BackfillProcess {
  readonly child: ChildProcess;
  readonly lines: Line[] = [];
  readonly exited: Promise<unknown[]>;
  stderr = '';

  constructor(args: readonly string[], environment: Readonly<Record<string, string>>) {
    this.child = spawn(process.execPath, [join(ROOT, 'lib', 'cli', 'main.ts'), 'backfill', join(ROOT, TOPOLOGY), ...args], { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.exited = once(this.child, 'exit');
    createInterface({ input: this.child.stdout! }).on('line', (line) => this.lines.push(JSON.parse(line) as Line));
    this.child.stderr!.on('data', (chunk: Buffer) => { this.stderr += chunk.toString(); });
  }

  of(type: Line['type']): Line[] {
    return this.lines.filter((line) => line.type === type);
  }
}

describe('millrace backfill', function () {
  this.timeout(90_000);
  const lab = new Lab('backfill');
  const { app } = lab;
  const redis = new Redis(process.env.MILLRACE_REDIS_URL!, { lazyConnect: true });
  const started: BackfillProcess[] = [];
  const environment = { RT_APP: app, MILLRACE_KAFKA_BROKERS: lab.brokers, MILLRACE_HTTP_PORT: 'off', MILLRACE_SESSION_TIMEOUT_MS: '6000', MILLRACE_HEARTBEAT_INTERVAL_MS: '1000' };

  const backfill = (...args: string[]): BackfillProcess => {
    const process = new BackfillProcess(args, environment);
    started.push(process);
    return process;
  };
  const send = (from: number, to: number): Promise<void> =>
    lab.send(`${app}.orders`, ids(from, to).map((id) => ({ key: String(orderOf(id).user), value: JSON.stringify(orderOf(id)) })));
  const keys = (pattern: string): Promise<string[]> => redis.keys(pattern);
  const lastOrders = async (): Promise<(string | null)[]> => Promise.all(ids(0, USERS).map((user) => redis.hget(`${app}:last:${user}`, 'id')));
  const counted = async (): Promise<number> => Object.values(await redis.hgetall(`${app}:count`)).reduce((sum, n) => sum + Number(n), 0);

  before(async () => {
    await redis.connect();
    await lab.topic('orders', 2);
  });
  after(async () => {
    for (const { child } of started) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await lab.close();
    const left = [...await keys(`${app}:*`), ...await keys(`millrace:*:${app}*`)];
    if (left.length > 0) await redis.unlink(...left);
    redis.disconnect();
  });

  it('refuses increments that live traffic has counted, with exit code 2, and touches nothing', async () => {
    const refused = backfill('--from', 'earliest', '--json');
    expect((await refused.exited)[0]).to.equal(2);
    expect(refused.stderr).to.include('millrace: sink count: its increments would be counted on top of what live traffic has counted');
    expect(refused.lines).to.deep.equal([]);
    expect(await keys(`millrace:backfill:${app}*`)).to.deep.equal([]);
  });

  it('puts back what Redis has lost, each record once over a kill, and leaves newer writes of live traffic alone', async () => {
    await send(0, HISTORY);
    const live = lab.worker(TOPOLOGY, environment);
    await eventually(async () => await counted() === HISTORY && (await keys(`${app}:order:*`)).length === HISTORY && (await lastOrders()).every((id) => Number(id) >= HISTORY - USERS), () => 'live traffic');

    // Somebody has deleted every order and the counts, and spoiled the last order of each user.
    await redis.unlink(...await keys(`${app}:order:*`), `${app}:count`);
    for (const user of ids(0, USERS)) await redis.hset(`${app}:last:${user}`, 'id', 'spoiled');
    const args = ['--from', 'earliest', '--rate', '4000', '--accept', 'count', '--json'];
    const first = backfill(...args);
    await eventually(() => first.of('start').length === 1, () => `the start: ${first.stderr}`);
    await send(HISTORY, HISTORY + NEWER);
    await eventually(() => (first.of('progress').at(-1)?.records ?? 0) > HISTORY / 2, () => 'some progress');
    first.child.kill('SIGKILL');
    await first.exited;
    const total = 3 * HISTORY;
    expect(first.of('progress').at(-1)!.records).to.be.below(total);
    expect(first.of('progress').at(-1)!.totalRecords).to.equal(total);

    const second = backfill(...args);
    expect((await second.exited)[0], second.stderr).to.equal(0);
    expect(second.of('start')[0]!.start).to.equal('resumed');
    expect(second.of('end')[0]).to.include({ end: 'done' });
    expect(second.of('progress').at(-1)).to.deep.include({ records: total, totalRecords: total, waitingRecords: 0, deadLetters: 0 });

    await eventually(async () => await counted() >= HISTORY + NEWER, () => 'the last orders of live traffic');
    expect((await live.stop()).code).to.equal(0);
    const all = ids(0, HISTORY + NEWER);
    const expected = (user: number): Order[] => all.map(orderOf).filter((order) => order.user === user);
    expect(await redis.hgetall(`${app}:count`)).to.deep.equal(Object.fromEntries(ids(0, USERS).map((user) => [`user-${user}`, String(expected(user).length)])));
    expect(await lastOrders()).to.deep.equal(ids(0, USERS).map((user) => String(expected(user).at(-1)!.id)));
    expect(await keys(`${app}:order:*`)).to.have.length(all.length);
    expect(await lab.read(`${app}.checked`), 'what others read').to.have.length(all.length);
    expect(await redis.hgetall(`${app}:order:17`)).to.deep.equal({ id: '17', user: '7' });
  });

  it('leaves nothing of its own behind', async () => {
    const admin = await lab.admin();
    expect((await admin.listTopics()).filter((topic) => topic.startsWith(`${app}-backfill-`))).to.deep.equal([]);
    expect((await admin.listGroups()).groups.map(({ groupId }) => groupId).filter((group) => group.startsWith(`${app}-backfill-`))).to.deep.equal([]);
    expect([...await keys(`millrace:backfill:${app}*`), ...await keys(`millrace:fence:${app}-backfill-*`)]).to.deep.equal([]);
  });
});
