import type { Fault } from './fault.ts';

const DRAIN_LIMIT_MS = 10_000;

export const rolling: Fault = {
  name: 'rolling',
  title: 'rolling restart: SIGTERM of each worker in turn, a new one in its place',
  rounds: 3,
  limitS: 400,
  resumeMeans: 'from SIGTERM to the first committed record of the last of its tasks, by another worker; one number per worker',
  resumeGoalS: null,

  async run(scene, rounds) {
    const stops: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      for (const worker of [...scene.workers]) {
        const places = scene.places(worker);
        const askedMs = performance.now();
        scene.dismiss(worker);
        const { code, ms } = await worker.stop();
        stops.push(ms);
        scene.check(code === 0, `round ${round + 1}: worker ${worker.child.pid} ended with exit code ${code}: ${JSON.stringify(worker.lines.slice(-5))}`);
        scene.check(ms <= DRAIN_LIMIT_MS, `round ${round + 1}: worker ${worker.child.pid} took ${(ms / 1_000).toFixed(1)} s to end, more than ${DRAIN_LIMIT_MS / 1_000} s`);
        const undrained = worker.said('a task could not finish; its last records are processed again by the next owner').length;
        scene.check(undrained === 0, `round ${round + 1}: ${undrained} tasks of worker ${worker.child.pid} did not finish what was under way`);
        scene.proofs.push(`process ${worker.child.pid} ended with exit code ${code} after ${(ms / 1_000).toFixed(1)} s`);
        scene.startWorker();
        scene.resumeS.push(await scene.resumed(places, askedMs, [worker]));
        await scene.settled();
      }
    }
    scene.notes.push(`Workers ended ${(Math.max(...stops) / 1_000).toFixed(1)} s after SIGTERM at the latest, with what was under way committed.`);
  },
};
