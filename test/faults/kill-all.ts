import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from './fault.ts';
import { PARTITIONS, WORKERS } from './scene.ts';
import type { Place } from './watch.ts';

const LONGEST_WAIT_MS = 1_500;

const everyPlace: readonly Place[] = (['copy', 'totals'] as const).flatMap((output) => Array.from({ length: PARTITIONS }, (_, task) => ({ output, task })));

export const killAll: Fault = {
  name: 'kill-all',
  title: 'kill -9 of all three workers at once, three others started at once',
  rounds: 2,
  limitS: 300,
  resumeMeans: 'from the kill to the first committed record of the last task, the start of the new processes included',
  resumeGoalS: null,

  async run(scene, rounds) {
    for (let round = 0; round < rounds; round += 1) {
      await delay(scene.random.below(LONGEST_WAIT_MS));
      const victims = [...scene.workers];
      const killedMs = performance.now();
      for (const victim of victims) {
        victim.signal('SIGKILL');
        scene.dismiss(victim);
      }
      await Promise.all(victims.map((victim) => victim.exited));
      for (const { child } of victims) scene.check(child.signalCode === 'SIGKILL', `round ${round + 1}: worker ${child.pid} ended by ${child.signalCode}, not SIGKILL`);
      for (let i = 0; i < WORKERS; i += 1) scene.startWorker();
      scene.resumeS.push(await scene.resumed(everyPlace, killedMs, victims));
      scene.proofs.push(`processes ${victims.map(({ child }) => `${child.pid} (${child.signalCode})`).join(', ')} ended`);
      await scene.settled();
    }
  },
};
