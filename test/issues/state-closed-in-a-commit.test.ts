/** A task was closed between Kafka's commit and its own: its state moved on to the new position without the writes before it, and a restart went on without them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { RejoinError } from '../../lib/core/errors.ts';
import type { StateHome } from '../../lib/state/home.ts';
import { memoryHome, type KeptTask } from '../../lib/state/memory-home.ts';
import { commit, fill, openDisk, openTask, seal } from '../state/support.ts';

const keptHome = async (): Promise<StateHome> => {
  const kept: KeptTask = { owner: '', stores: new Map() };
  return memoryHome({ keep: () => kept });
};

describe('state that is closed while its commit is under way', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'millrace-closed-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  for (const [name, open] of [['on disk', () => openDisk(dir)], ['kept in memory', keptHome]] as const) {
    it(`${name}: stays where it was`, async () => {
      const home = await open();
      const task = await openTask(home, { epoch: 1 });
      fill(task.store, [['a', 1]]);
      task.store.put('a', 2);
      seal(task.store);
      await task.state.close();
      const end = await task.state.committed([{ topic: 'app-s-changelog', partition: 0, firstOffset: 1, offset: 2, marked: true }], 0).then(() => 'committed', (error: unknown) => error);
      expect(end).to.be.instanceOf(RejoinError);
      const next = await openTask(home, { epoch: 2 });
      expect([next.store.position?.offset, next.store.get('a')]).to.deep.equal([1, 1]);
      await next.state.close();
      await home.close();
    });

    it(`${name}: is not written to by a former opening`, async () => {
      const home = await open();
      const former = await openTask(home, { epoch: 1 });
      const next = await openTask(home, { epoch: 2 });
      next.store.put('a', 5);
      await commit(next, { firstOffset: 0, offset: 1 });
      try {
        fill(former.store, [['a', 1]]);
      } catch (error) {
        expect(error).to.be.instanceOf(RejoinError);
      }
      expect(next.store.get('a')).to.equal(5);
      await former.state.close();
      await next.state.close();
      await home.close();
    });
  }
});
