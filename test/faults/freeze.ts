import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkerProcess } from '../integration/support/lab.ts';
import type { Fault } from './fault.ts';
import { SESSION_TIMEOUT_MS } from './scene.ts';

const LEAST_FROZEN_MS = SESSION_TIMEOUT_MS + 2_000;
const LONGEST_WAIT_MS = 1_500;
const TAKEN_TIMEOUT_MS = 60_000;
const RETURN_TIMEOUT_MS = 60_000;

/** As the system sees it: T is stopped. */
const stateOf = (worker: WorkerProcess): string => execFileSync('ps', ['-o', 'stat=', '-p', String(worker.child.pid)], { encoding: 'utf8' }).trim();

export const freeze: Fault = {
  name: 'freeze',
  title: 'SIGSTOP of a worker past its session, SIGCONT when others have its tasks',
  rounds: 3,
  limitS: 400,
  resumeMeans: 'from SIGSTOP to the first committed record of the last of its tasks, by another worker',
  resumeGoalS: null,

  async run(scene, rounds) {
    for (let round = 0; round < rounds; round += 1) {
      await delay(scene.random.below(LONGEST_WAIT_MS));
      const zombie = [...scene.workers][scene.random.below(scene.workers.size)]!;
      const places = scene.places(zombie);
      const frozenMs = performance.now();
      zombie.signal('SIGSTOP');
      scene.resumeS.push(await scene.resumed(places, frozenMs, [zombie]));
      await delay(frozenMs + LEAST_FROZEN_MS - performance.now());
      const state = stateOf(zombie);
      scene.check(state.startsWith('T'), `round ${round + 1}: worker ${zombie.child.pid} was not stopped, its state was ${state}`);
      const others = [...scene.workers].filter((worker) => worker !== zombie);
      const untaken = (): string[] => scene.stages.flatMap((stage) => scene.owned(zombie, stage).filter((partition) => !others.some((other) => scene.owned(other, stage).includes(partition))).map((partition) => `${stage} ${partition}`));
      await scene.until(() => untaken().length === 0, () => `others take over ${untaken().join(', ')} from the frozen worker ${zombie.child.pid}`, TAKEN_TIMEOUT_MS);
      const [linesBefore, frozenForMs] = [zombie.lines.length, performance.now() - frozenMs];
      zombie.signal('SIGCONT');
      // Not by what it says of the membership that it has lost: such lines are held to a bounded rate.
      const apart = (): string[] => scene.stages.filter((stage) => !zombie.lines.slice(linesBefore).some((line) => line.message === 'assigned' && line.stage === stage));
      await scene.until(() => apart().length === 0, () => `the zombie ${zombie.child.pid} joins its groups anew, not yet those of ${apart().join(', ')}`, RETURN_TIMEOUT_MS);
      await scene.settled();
      scene.proofs.push(`process ${zombie.child.pid} stood in state ${state} for ${(frozenForMs / 1_000).toFixed(1)} s, others took all its tasks (${places.length} of them write to topics), and it then joined its ${scene.stages.length} groups anew`);
    }
  },
};
