/** An application whose topics no longer fit: refused, reset by the command, and right again. The expected side is plain arithmetic. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { Reset } from '../../lib/runtime/reset.ts';
import type { Count, Event } from './runtime/counting.ts';
import { eventually, Lab } from './support/lab.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const TOPOLOGY = 'test/integration/runtime/counting.ts';
const USERS = 7;

const eventOf = (id: number): Event => ({ id, user: `user-${id % USERS}`, amount: id });

describe('millrace reset', function () {
  this.timeout(120_000);
  const lab = new Lab('reset');
  let stateDir: string;
  let sent = 0;

  const environment = (): Record<string, string> => ({ MILLRACE_STATE: 'disk', MILLRACE_STATE_DIR: stateDir, MILLRACE_HTTP_PORT: 'off' });
  const send = async (count: number): Promise<void> => {
    const events = Array.from({ length: count }, (_, i) => eventOf(sent + i));
    await lab.send(`${lab.app}.events`, events.map((event) => ({ key: String(event.id), value: JSON.stringify(event) })));
    sent += count;
  };
  const reset = (...args: string[]) => command(join(ROOT, TOPOLOGY), ...args);
  const command = async (...args: string[]): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> => {
    const env = { ...process.env, RT_APP: lab.app, MILLRACE_KAFKA_BROKERS: lab.brokers, ...environment() };
    try {
      return { code: 0, ...await promisify(execFile)(process.execPath, [join(ROOT, 'lib', 'cli', 'main.ts'), 'reset', ...args], { env }) };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { code, stdout, stderr };
    }
  };
  /** The highest count and sum of each user. */
  const results = async (): Promise<Record<string, { n: number; sum: number }>> => {
    const last: Record<string, { n: number; sum: number }> = {};
    for (const { key, value } of await lab.read(`${lab.app}.counts`)) {
      const { n, sum } = JSON.parse(String(value)) as Count;
      if (n > (last[key!]?.n ?? 0)) last[key!] = { n, sum };
    }
    return last;
  };
  const expected = (): Record<string, { n: number; sum: number }> => {
    const last: Record<string, { n: number; sum: number }> = {};
    for (let id = 0; id < sent; id += 1) {
      const { user, amount } = eventOf(id);
      const { n, sum } = last[user] ?? { n: 0, sum: 0 };
      last[user] = { n: n + 1, sum: sum + amount };
    }
    return last;
  };

  before(async () => {
    stateDir = await mkdtemp(join(tmpdir(), 'millrace-reset-'));
    await lab.topic('events', 2);
  });
  after(async () => {
    await lab.close();
    await rm(stateDir, { recursive: true });
  });

  it('begins an application anew whose partition counts were changed, and computes everything again', async () => {
    const { app } = lab;
    await send(300);
    const first = lab.worker(TOPOLOGY, environment());
    await eventually(async () => await lab.count(`${app}.counts`) >= 300, () => 'the first results');
    const busy = await reset('--yes');
    expect(busy.code).to.equal(1);
    expect(busy.stderr).to.match(/workers of the application are members of .*by-user \(1\).*Stop them first/);
    expect((await first.stop()).code).to.equal(0);
    expect(await results()).to.deep.equal(expected());

    await (await lab.admin()).createPartitions({ topicPartitions: [{ topic: `${app}.events`, count: 3 }] });
    const second = lab.worker(TOPOLOGY, environment());
    expect(await second.exited).to.equal(2);
    const said = second.lines.filter(({ level }) => level === 'unparsed').map(({ message }) => message);
    expect(said[0]).to.equal(`millrace: topic ${app}-by-user-repartition has 2 partitions, the topology asks for 3, as many as ${app}.events`);
    expect(said.at(-1)).to.include('npx millrace reset FILE');

    const shown = await reset('--json', '--with', 'outputs');
    expect(shown.code).to.equal(0);
    expect(JSON.parse(shown.stdout)).to.deep.include({
      app, applied: false, folders: [join(stateDir, app)], topics: [`${app}-by-user-repartition`, `${app}-counts-changelog`, `${app}.counts`],
      groups: [{ group: `${app}.by-user`, members: 0 }, { group: `${app}.${app}.events`, members: 0 }],
    });
    const byName = JSON.parse((await command('--app', app, '--json')).stdout) as Reset;
    expect(byName.topics).to.deep.equal([`${app}-by-user-repartition`, `${app}-counts-changelog`]);
    expect(byName.groups).to.have.deep.members([{ group: `${app}.by-user`, members: 0 }, { group: `${app}.${app}.events`, members: 0 }]);
    expect(byName.folders).to.deep.equal([join(stateDir, app)]);
    expect(await results()).to.deep.equal(expected());
    expect(existsSync(join(stateDir, app))).to.equal(true);

    const done = await reset('--yes', '--with', 'outputs');
    expect(done.code, done.stderr).to.equal(0);
    expect(done.stdout).to.include(`deleted topic ${app}-counts-changelog`).and.to.include(`deleted group ${app}.by-user with its offsets`);
    expect(existsSync(join(stateDir, app))).to.equal(false);

    await send(100);
    const third = lab.worker(TOPOLOGY, environment());
    await eventually(async () => (await lab.readJson(`${app}.counts`)).length >= sent, () => 'all results');
    expect(await results()).to.deep.equal(expected());
    expect((await lab.readJson(`${app}.counts`)).length).to.equal(sent);
    expect((await third.stop()).code).to.equal(0);
  });
});
