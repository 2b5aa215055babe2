/** A process of its own that has state on disk: `disk.worker.ts MODE DIR ...`; see the tests for what each mode shows. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../../lib/core/logger.ts';
import { commit, fill, openDisk, openTask } from './child.ts';

const [mode, dir, size = '0'] = process.argv.slice(2) as [string, string, string?];
const wiped: unknown[] = [];
const note: Logger['info'] = (_, fields) => {
  if (fields !== undefined && 'reason' in fields) wiped.push(fields['reason']);
};
const log: Logger = { debug: note, info: note, warn: note, error: note, child: () => log };
const home = await openDisk(dir, { log });
const task = await openTask(home);
const { store } = task;

/** 1,000 characters that differ by key. */
const large = (i: number): string => String(i).padStart(8, '0').repeat(125);

if (mode === 'killed') {
  fill(store, [['restored', 1]]);
  for (let i = 0; i < 100; i += 1) {
    store.put(`key-${i}`, i);
    await commit(task, { firstOffset: 1 + 2 * i, offset: 2 + 2 * i });
  }
  store.put('uncommitted', 1);
  process.kill(process.pid, 'SIGKILL');
}

if (mode === 'large') {
  const count = Number(size);
  fill(store, []);
  for (let from = 0; from < count; from += 1_000) {
    for (let i = from; i < from + 1_000; i += 1) store.put(`key-${(i * 7_919) % count}`, large((i * 7_919) % count));
    await commit(task);
  }
  let wrong = 0;
  for (let i = 0; i < count; i += 1) if (store.get(`key-${i}`) !== large(i)) wrong += 1;
  let ranged = 0;
  for (const [, value] of store.range('', '\uffff')) ranged += (value as string).length;
  await home.close();
  process.stdout.write(JSON.stringify({ wrong, ranged, entries: count }));
}

if (mode === 'full') {
  const ballast = join(dir, 'ballast');
  writeFileSync(ballast, Buffer.alloc(1_000_000));
  fill(store, []);
  let committed = 0;
  let failure: Error | null = null;
  while (failure === null) {
    store.put(`key-${committed}`, large(committed));
    await commit(task, { firstOffset: committed, offset: committed + 1 }).then(() => { committed += 1; }, (error: Error) => { failure = error; });
  }
  await task.state.close();
  rmSync(ballast);
  const again = await openTask(home, { epoch: 1 });
  const { name, message } = failure as Error;
  process.stdout.write(JSON.stringify({ name, error: message, committed, position: again.store.position?.offset, entries: again.store.size, wiped }));
  await home.close();
}
