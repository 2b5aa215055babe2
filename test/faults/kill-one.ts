import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from './fault.ts';
import { SESSION_TIMEOUT_MS } from './scene.ts';

const LONGEST_WAIT_MS = 1_500;
const GOAL_S = SESSION_TIMEOUT_MS / 1_000 + 2;

export const killOne: Fault = {
  name: 'kill-one',
  title: 'kill -9 of one of three workers, at random moments',
  rounds: 10,
  limitS: 600,
  resumeMeans: 'from the kill to the first committed record of the last of its tasks, by another worker',
  resumeGoalS: GOAL_S,

  async run(scene, rounds) {
    for (let round = 0; round < rounds; round += 1) {
      await delay(scene.random.below(LONGEST_WAIT_MS));
      const victim = [...scene.workers][scene.random.below(scene.workers.size)]!;
      const places = scene.places(victim);
      if (places.length === 0) throw new Error(`round ${round + 1}: the worker to be killed has no tasks that write to topics`);
      const killedMs = performance.now();
      victim.signal('SIGKILL');
      scene.dismiss(victim);
      await victim.exited;
      scene.check(victim.child.signalCode === 'SIGKILL', `round ${round + 1}: worker ${victim.child.pid} ended by ${victim.child.signalCode}, not SIGKILL`);
      scene.resumeS.push(await scene.resumed(places, killedMs, [victim]));
      scene.proofs.push(`process ${victim.child.pid} ended by ${victim.child.signalCode} with ${places.length} tasks that write to topics`);
      scene.startWorker();
      await scene.settled();
    }
  },
};
