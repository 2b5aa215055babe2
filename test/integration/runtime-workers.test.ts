/** Worker processes under their parent, and workers that share partitions. */
import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { after, afterEach, describe, it } from 'mocha';
import { json, keyBy, merge, scan, stream, to, topology } from 'millrace/topology';
import { kafka } from 'millrace/sinks';
import { counting, type Count } from './runtime/counting.ts';
import { Handles } from './support/handles.ts';
import { eventually, Lab, type WorkerProcess } from './support/lab.ts';

const TOPOLOGY = 'test/integration/runtime/counting.ts';

const childrenOf = (worker: WorkerProcess): number[] =>
  execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n')
    .map((line) => line.trim().split(/\s+/)).filter(([, parent, ...args]) => Number(parent) === worker.child.pid && args.includes('--as-worker')).map(([pid]) => Number(pid));

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const event = (id: number) => ({ key: String(id), value: JSON.stringify({ id, user: `user-${id % 10}`, amount: id }) });

describe('worker processes', function () {
  this.timeout(180_000);
  const labs: Lab[] = [];
  const handles = new Handles();
  const newLab = (name: string): Lab => {
    const lab = new Lab(name);
    labs.push(lab);
    return lab;
  };
  afterEach(() => handles.stop());
  after(() => Promise.all(labs.map((lab) => lab.close())));

  it('that die are started again by their parent, and end with it, quietly, on Ctrl-C', async () => {
    const lab = newLab('parent');
    await lab.topic('events', 4);
    const parent = lab.worker(TOPOLOGY, {}, ['--workers', '2']);
    await parent.until('task open', 8);
    const before = childrenOf(parent);
    expect(before).to.have.length(2);
    process.kill(before[0]!, 'SIGKILL');
    await parent.until('a worker ended and is started again');
    expect(parent.said('a worker ended and is started again')[0]).to.deep.include({ pid: before[0], code: null, signal: 'SIGKILL' });
    await eventually(() => childrenOf(parent).length === 2, () => 'two workers again');
    await lab.send(`${lab.app}.events`, Array.from({ length: 500 }, (_, id) => event(id)));
    await eventually(async () => (await lab.readJson<Count>(`${lab.app}.counts`)).length === 500, () => 'all are counted');
    const pids = childrenOf(parent);
    expect(pids).to.include(before[1]).and.not.include(before[0]);
    // As a terminal does: to the whole group of the parent.
    process.kill(-parent.child.pid!, 'SIGINT');
    expect(await parent.exited).to.equal(0);
    expect(pids.filter(isAlive)).to.deep.equal([]);
    expect(parent.lines.filter(({ level }) => level === 'error' || level === 'unparsed')).to.deep.equal([]);
  });

  it('end with their parent when a second signal cuts the stop short', async () => {
    const lab = newLab('second');
    await lab.topic('events', 2);
    const parent = lab.worker(TOPOLOGY, {}, ['--workers', '2']);
    await parent.until('task open', 4);
    const pids = childrenOf(parent);
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    parent.signal('SIGTERM');
    await delay(200);
    expect(parent.child.exitCode).to.equal(null);
    parent.signal('SIGTERM');
    expect(await parent.exited).to.equal(143);
    await eventually(() => !pids.some(isAlive), () => 'the workers are gone');
  });

  it('name every topic that is missing, with exit code 2', async () => {
    const lab = newLab('missing');
    const worker = lab.worker(TOPOLOGY, { MILLRACE_SOURCE_TOPIC_TIMEOUT_MS: '0' });
    expect(await worker.exited).to.equal(2);
    expect(worker.lines.filter(({ level }) => level === 'unparsed').map(({ message }) => message)).to.deep.equal([
      `millrace: topic ${lab.app}.events does not exist: is its connector registered and running?`,
    ]);
    const parent = lab.worker(TOPOLOGY, { MILLRACE_SOURCE_TOPIC_TIMEOUT_MS: '0' }, ['--workers', '2']);
    expect(await parent.exited).to.equal(2);
    expect(parent.said('a worker ended and is started again')).to.deep.equal([]);
  });

  it('that refuse to run: a changelog that does not fit, and offsets that the log no longer holds', async () => {
    const lab = newLab('refuse');
    await lab.topic('events', 2);
    const topo = counting(lab.app);
    await lab.topicCalled(`${lab.app}-counts-changelog`, 3);
    const first = handles.start(topo);
    expect(await first.handle.done.catch((error: Error) => error.message)).to.match(/changelog has 3 partitions, the topology asks for 2/);
    await (await lab.admin()).deleteTopics({ topics: [`${lab.app}-counts-changelog`] });

    await lab.send(`${lab.app}.events`, Array.from({ length: 100 }, (_, id) => event(id)));
    const second = handles.start(topo);
    await eventually(async () => (await lab.readJson<Count>(`${lab.app}.counts`)).length === 100, () => 'all are counted');
    await second.handle.stop();
    await lab.send(`${lab.app}.events`, Array.from({ length: 100 }, (_, id) => event(id)));
    const ends = await (await lab.admin()).fetchTopicOffsets(`${lab.app}.events`);
    await (await lab.admin()).deleteTopicRecords({ topic: `${lab.app}.events`, partitions: ends.map(({ partition, high }) => ({ partition, offset: high })) });
    const third = handles.start(topo, { settings: { failuresAtPosition: 2 } });
    expect(await third.handle.done.catch((error: Error) => error.message)).to.match(/stands at offset \d+, but the log goes from \d+ to \d+.*deleted before they were read/s);
  });

  it('share the partitions of all topics of a stage, so that equal keys of two topics meet', async () => {
    const lab = newLab('shared');
    const { app } = lab;
    await lab.topic('left', 3);
    await lab.topic('right', 3);
    interface Side {
      readonly id: number;
      readonly user: string;
    }
    const keyed = (side: string) => stream(`${app}.${side}`, json<Side>()).pipe(keyBy(`${side}-by-user`, (s) => s.user));
    const both = topology(app, keyed('left').pipe(
      merge('both', keyed('right')),
      scan('meetings', (n) => n + 1, { state: json<number>(), seed: 0 }),
      to('out', kafka(`${app}.out`, json<number>())),
    ));
    const one = handles.start(both);
    const two = handles.start(both);
    const tasks = (started: typeof one): number => started.handle.figures().stages.find(({ stage }) => stage === 'both')!.tasks;
    await eventually(() => tasks(one) + tasks(two) === 3 && tasks(one) > 0 && tasks(two) > 0, () => 'both workers have tasks');
    const records = (from: number) => Array.from({ length: 300 }, (_, i) => ({ key: String(from + i), value: JSON.stringify({ id: from + i, user: `user-${i % 20}` }) }));
    await Promise.all([lab.send(`${app}.left`, records(0)), lab.send(`${app}.right`, records(1_000))]);
    await eventually(async () => (await lab.readJson(`${app}.out`)).length >= 600, () => 'all have met');
    const counts: Record<string, number[]> = {};
    for (const { key, value } of await lab.read(`${app}.out`)) (counts[key!] ??= []).push(Number(value));
    expect(Object.keys(counts)).to.have.length(20);
    for (const [user, seen] of Object.entries(counts)) expect(seen, user).to.deep.equal(Array.from({ length: 30 }, (_, i) => i + 1));
    // What one leaves the other takes over, with its state.
    await one.handle.stop();
    await eventually(() => tasks(two) === 3, () => 'the other worker has all tasks');
    await lab.send(`${app}.left`, records(2_000));
    await eventually(async () => (await lab.readJson(`${app}.out`)).length >= 900, () => 'all have come');
    const highest = new Map((await lab.read(`${app}.out`)).map(({ key, value }) => [key, Number(value)]));
    expect([...highest.values()]).to.deep.equal(Array.from({ length: 20 }, () => 45));
  });
});
