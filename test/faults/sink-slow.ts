import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from './fault.ts';
import type { Scene } from './scene.ts';
import type { OutputName } from './watch.ts';

const CALM_MS = 15_000;
const SLOW_CALL_MS = 2_000;
const SLOW_MS = 20_000;
const DOWN_MS = 60_000;
const DRAIN_LIMIT_MS = 60_000;
const SAMPLE_EVERY_MS = 1_000;
const MIB = 1_048_576;
/** A worker's memory moves by so much between two collections of garbage, whatever the sink does. */
const MEMORY_ROOM_MIB = 150;
const LEAST_LATENCY_ALLOWED_MS = 1_500;
/** Seconds of load that the counters may be behind, as sampled. */
const COUNTERS_BEHIND_S = 5;

const memoryMib = (scene: Scene): number[] => {
  const pids = [...scene.workers].map(({ child }) => String(child.pid));
  return execFileSync('ps', ['-o', 'rss=', '-p', pids.join(',')], { encoding: 'utf8' }).trim().split('\n').map((line) => (Number(line) * 1_024) / MIB);
};

const rebalances = (scene: Scene): number => scene.everyWorker.reduce((sum, worker) => sum + worker.lines.filter(({ message }) => message === 'assigned' || String(message).startsWith('the group membership was lost')).length, 0);

const percentile95 = (scene: Scene, output: OutputName, fromMs: number, toMs: number): number => {
  const latencies = scene.watch.between(output, fromMs, toMs).map(({ latencyMs }) => latencyMs).sort((a, b) => a - b);
  return latencies[Math.floor(latencies.length * 0.95)] ?? Infinity;
};

/** Samples memory, and how far the counters are behind, until it is told to end. */
class Samples {
  maxMib = 0;
  maxBehind = 0;
  #running = true;
  readonly #done: Promise<void>;

  constructor(scene: Scene) {
    this.#done = this.#run(scene);
  }

  async #run(scene: Scene): Promise<void> {
    while (this.#running) {
      this.maxMib = Math.max(this.maxMib, ...memoryMib(scene));
      const { sent } = scene.load;
      this.maxBehind = Math.max(this.maxBehind, sent - (await scene.counted()));
      await delay(SAMPLE_EVERY_MS);
    }
  }

  async end(): Promise<this> {
    this.#running = false;
    await this.#done;
    return this;
  }
}

export const sinkSlow: Fault = {
  name: 'sink-slow',
  title: 'the partner needs 2 s for each call, then is away for 60 s',
  rounds: 1,
  limitS: 420,
  resumeMeans: 'from the moment when the partner is back to the first request that it accepts',
  resumeGoalS: null,
  // Large records and small queues: what were kept in memory instead of in Kafka would show.
  settings: { perSecond: 150, fillingBytes: 4_000, environment: { MILLRACE_QUEUE_BYTES: '262144', MILLRACE_FETCH_PARTITION_BYTES: '65536' } },

  async run(scene, rounds) {
    const { partner, load } = scene;
    for (let round = 0; round < rounds; round += 1) {
      const calmMs = performance.now();
      const calm = new Samples(scene);
      await delay(CALM_MS);
      await calm.end();

      const [slowMs, assigned] = [performance.now(), rebalances(scene)];
      const rough = new Samples(scene);
      partner.delayMs = SLOW_CALL_MS;
      await delay(SLOW_MS);
      const slowCalls = partner.accepted.size;
      await partner.down();
      partner.delayMs = 0;
      const atDown = partner.accepted.size;
      await delay(DOWN_MS);
      const [upMs, sent] = [performance.now(), load.sent];
      const waiting = sent - partner.accepted.size;
      scene.check(partner.accepted.size === atDown, `round ${round + 1}: the partner accepted something while it was down`);
      scene.check(waiting > DOWN_MS / 1_000 * scene.settings.perSecond * 0.8, `round ${round + 1}: only ${waiting} events waited for the partner`);
      await rough.end();
      await partner.up();
      await scene.until(() => partner.lastMs > upMs, () => `the partner is asked again`, DRAIN_LIMIT_MS);
      scene.resumeS.push((partner.lastMs - upMs) / 1_000);
      await scene.until(() => partner.below(sent) >= sent, () => `the partner has all ${sent} events that were sent by then ${DRAIN_LIMIT_MS / 1_000} s after it was back; it has ${partner.below(sent)}`, DRAIN_LIMIT_MS);
      const drainS = (performance.now() - upMs) / 1_000;
      scene.proofs.push(`${slowCalls} calls had been accepted when the partner closed its port; ${waiting} events waited in Kafka when it opened it again ${((upMs - slowMs - SLOW_MS) / 1_000).toFixed(0)} s later`);

      scene.check(rebalances(scene) === assigned, `round ${round + 1}: there were ${rebalances(scene) - assigned} assignments or losses of membership while the partner was slow or away`);
      for (const output of ['copy', 'totals'] as const) {
        const [before, during] = [percentile95(scene, output, calmMs, slowMs), percentile95(scene, output, slowMs, upMs)];
        scene.check(during <= Math.max(LEAST_LATENCY_ALLOWED_MS, 2 * before), `round ${round + 1}: 95 % of ${output} took ${during} ms while the partner was slow or away, ${before} ms before`);
        scene.notes.push(`95 % of topic ${output} arrived within ${Math.round(before)} ms before, ${Math.round(during)} ms while the partner was slow or away.`);
      }
      const behindLimit = COUNTERS_BEHIND_S * scene.settings.perSecond;
      scene.check(rough.maxBehind <= Math.max(behindLimit, 2 * calm.maxBehind), `round ${round + 1}: Redis was up to ${rough.maxBehind} events behind while the partner was slow or away`);
      scene.check(rough.maxMib <= calm.maxMib + MEMORY_ROOM_MIB, `round ${round + 1}: a worker's memory grew from ${Math.round(calm.maxMib)} to ${Math.round(rough.maxMib)} MiB`);
      scene.notes.push(
        `Redis was at most ${calm.maxBehind} events behind before, ${rough.maxBehind} meanwhile; the largest worker had ${Math.round(calm.maxMib)} MiB before, ${Math.round(rough.maxMib)} MiB meanwhile.`,
        `No group was rebalanced. The ${waiting} events that had waited were with the partner ${drainS.toFixed(1)} s after it was back.`,
      );
    }
  },
};
