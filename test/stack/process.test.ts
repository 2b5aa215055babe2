import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { identityOf, isRunning, killProcess, launchDetached, stopProcess, type ProcessRecord } from '../../lib/stack/process.ts';

const ORDINARY = 'setInterval(() => {}, 1000); console.log("up")';
const STUBBORN = `process.on("SIGTERM", () => {}); ${ORDINARY}`;
const PARENT = `const c = require("node:child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]); setInterval(() => {}, 1000); console.log("child", c.pid)`;

describe('processes', () => {
  let folder: string;
  let started: ProcessRecord[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-process-'));
    started = [];
  });

  afterEach(async () => {
    for (const record of started) await killProcess(record);
    await rm(folder, { recursive: true });
  });

  const start = async (script: string): Promise<{ record: ProcessRecord; output: string }> => {
    const log = join(folder, 'log');
    const record = await launchDetached({ file: process.execPath, args: ['-e', script], environment: {} }, log);
    started.push(record);
    let output = '';
    for (let attempt = 0; attempt < 200 && output === ''; attempt += 1) {
      await delay(20);
      output = await readFile(log, 'utf8');
    }
    return { record, output };
  };

  it('stops one that obeys', async () => {
    const { record } = await start(ORDINARY);
    expect(await stopProcess(record, { signal: 'SIGTERM', graceMs: 2000 })).to.equal('stopped');
    expect(isRunning(record)).to.equal(false);
  });

  it('kills one that does not obey when its time is over', async () => {
    const { record } = await start(STUBBORN);
    const began = performance.now();
    expect(await stopProcess(record, { signal: 'SIGTERM', graceMs: 200 })).to.equal('killed');
    expect(performance.now() - began).to.be.within(200, 2000);
    expect(isRunning(record)).to.equal(false);
  });

  it('leaves a process alone that has the pid of a recorded one but is another', async () => {
    const { record } = await start(ORDINARY);
    const reused: ProcessRecord = { pid: record.pid, identity: 'another-boot:12345' };
    expect(await stopProcess(reused, { signal: 'SIGTERM', graceMs: 100 })).to.equal('gone');
    await killProcess(reused);
    await delay(100);
    expect(isRunning(record)).to.equal(true);
  });

  it('ends what the process itself has started', async () => {
    const { record, output } = await start(PARENT);
    const child = Number(/child (\d+)/.exec(output)?.[1]);
    expect(identityOf(child)).to.be.a('string');
    await stopProcess(record, { signal: 'SIGTERM', graceMs: 2000 });
    for (let attempt = 0; attempt < 100 && identityOf(child) !== undefined; attempt += 1) await delay(20);
    expect(identityOf(child)).to.equal(undefined);
  });

  it('says which program cannot be started', async () => {
    const launch = launchDetached({ file: join(folder, 'absent'), args: [], environment: {} }, join(folder, 'log'));
    const error = await launch.then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error?.message).to.contain('absent');
  });
});
