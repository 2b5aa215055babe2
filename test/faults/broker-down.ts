import { setTimeout as delay } from 'node:timers/promises';
import { isListening } from '../../lib/stack/ports.ts';
import { END_TXN } from '../integration/support/kafka-frames.ts';
import type { Fault } from './fault.ts';
import { PARTITIONS } from './scene.ts';
import type { Place } from './watch.ts';

const DOWN_MS = 70_000;
const BEFORE_MS = 3_000;
const HOLD_TIMEOUT_MS = 15_000;

const everyPlace: readonly Place[] = (['copy', 'totals'] as const).flatMap((output) => Array.from({ length: PARTITIONS }, (_, task) => ({ output, task })));

export const brokerDown: Fault = {
  name: 'broker-down',
  title: 'kill -9 of the broker in the middle of a transaction, down for 70 s',
  rounds: 1,
  limitS: 420,
  resumeMeans: 'from the moment when the broker serves again to the first committed record of the last task',
  resumeGoalS: null,
  needsBroker: true,
  settings: { kafka: 'through a proxy' },

  async run(scene, rounds) {
    const broker = scene.ground.broker!;
    for (let round = 0; round < rounds; round += 1) {
      await delay(BEFORE_MS);
      // The commit of a task that writes to topics is kept from arriving: its records are in the log, its transaction is open.
      let open: string | null = null;
      scene.frames = {
        request: ({ apiKey, transactionalId }) => {
          if (open !== null || apiKey !== END_TXN || !transactionalId!.includes('.by-user.')) return 'pass';
          open = transactionalId;
          return 'hold';
        },
        answer: () => 'pass',
      };
      await scene.until(() => open !== null, () => 'a task of by-user commits', HOLD_TIMEOUT_MS);
      const [pid, port] = [broker.pid(), broker.port()];
      await broker.kill();
      const killedMs = performance.now();
      scene.check(broker.pid() === null, `round ${round + 1}: the broker still runs as process ${broker.pid()}`);
      await delay(DOWN_MS);
      scene.check(!(await isListening(port)), `round ${round + 1}: somebody listens on port ${port} while the broker is down`);
      scene.frames = { request: () => 'pass', answer: () => 'pass' };
      const downS = (performance.now() - killedMs) / 1_000;
      await broker.start();
      if (broker.port() !== port) throw new Error(`the broker came back on port ${broker.port()} instead of ${port}: somebody had taken it meanwhile, so nobody finds the broker`);
      const servesMs = performance.now();
      scene.resumeS.push(await scene.resumed(everyPlace, servesMs, []));
      await scene.settled();
      scene.proofs.push(`broker process ${pid} was killed while EndTxn of ${open!.slice(scene.app.length + 1)} was held back, and nothing listened on its port for ${downS.toFixed(0)} s`);
    }
    scene.notes.push(`The load sent ${scene.load.repeats} batches again, since their answers were lost; what stands in the source topic is what counts.`);
  },
};
