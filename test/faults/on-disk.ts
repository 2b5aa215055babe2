import type { Fault } from './fault.ts';

const WIPED = ['state on disk is thrown away; it is restored from its changelog', 'the state of a store is thrown away; it is restored from its changelog'];

/** The same fault, with the state of all workers on disk, in one folder: what they find there again was never ahead of Kafka, nor was it thrown away. */
export const onDisk = (fault: Fault, rounds: number): Fault => ({
  ...fault,
  name: `${fault.name}-disk`,
  title: `${fault.title}; state on disk`,
  rounds,
  settings: { ...fault.settings, state: 'disk' },

  async run(scene, times) {
    const openedBefore = scene.everyWorker.flatMap((worker) => worker.said('store restored')).length;
    await fault.run(scene, times);
    const opened = scene.everyWorker.flatMap((worker) => worker.said('store restored')).length - openedBefore;
    const found = scene.everyWorker.flatMap((worker) => worker.said('store restored')).filter((line) => line.onDisk === true).length;
    scene.check(found > 0, `stores were opened ${opened} times from the first fault on, and none was found on disk`);
    const wiped = scene.everyWorker.flatMap((worker) => WIPED.flatMap((message) => worker.said(message)));
    scene.check(wiped.length === 0, `state on disk was thrown away: ${JSON.stringify(wiped.slice(0, 3))}`);
    scene.notes.push(`Stores were opened ${opened} times from the first fault on; ${found} of them went on from what was on disk, none was thrown away.`);
  },
});
