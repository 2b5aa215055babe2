import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { readState, StateFile, type ServiceState } from '../../lib/stack/state.ts';

const service = (pid: number): ServiceState => ({
  ports: { client: pid }, dataDir: 'data', log: 'log', stopSignal: 'SIGTERM', after: [], process: { pid, identity: `started-${pid}` }, startedAt: null, command: null,
});

describe('the state file', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'millrace-state-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('keeps what another process has written since it was opened', async () => {
    const [one, other] = [await StateFile.open(dir), await StateFile.open(dir)];
    await one.set('connect', service(1));
    await other.set('connect', service(2));
    await one.set('redis', service(3));
    const { services } = await readState(dir);
    expect(Object.entries(services).map(([name, { process }]) => [name, process?.pid])).to.deep.equal([['connect', 2], ['redis', 3]]);
    expect(one.services['connect']?.process?.pid).to.equal(2);
  });

  it('holds every change of many at once', async () => {
    const files = await Promise.all(Array.from({ length: 4 }, () => StateFile.open(dir)));
    await Promise.all(files.flatMap((file, f) => [0, 1, 2].map((n) => file.set(`service-${f}-${n}`, service(10 * f + n)))));
    expect(Object.keys((await readState(dir)).services)).to.have.length(12);
  });
});
