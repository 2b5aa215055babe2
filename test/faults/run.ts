import { Random } from '../../lib/testing/random.ts';
import type { Fault, FaultResult } from './fault.ts';
import type { Ground } from './ground.ts';
import { defaultSettings, Scene } from './scene.ts';

export interface RunFaultOptions {
  readonly rounds: number;
  /** Chooses victims and moments. */
  readonly seed: number;
  /** Where the workers' logs go. Default: nowhere. */
  readonly logs?: string;
  /** Aborted: the run ends with a failure, and nothing is left running. */
  readonly signal?: AbortSignal;
}

const roundTo = (value: number, digits: number): number => Number(value.toFixed(digits));

/** Rejects when it takes longer, or is interrupted. */
const within = async (limitS: number, signal: AbortSignal | undefined, work: Promise<void>): Promise<void> => {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`it was not done after ${limitS} s`)), limitS * 1_000);
  const interrupt = (): void => late.reject(new Error('interrupted'));
  signal?.addEventListener('abort', interrupt, { once: true });
  try {
    await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', interrupt);
  }
};

/** Rounds that took longer to resume than is good enough. On a busy machine that says little, so it is no failure of the fault itself. */
export const lateRounds = ({ resumeS, resumeGoalS }: FaultResult): readonly number[] => (resumeGoalS === null ? [] : resumeS.filter((seconds) => seconds > resumeGoalS));

/** Makes a fault in a scene of its own and compares everything afterwards. What goes wrong is in `failures`; it rejects only when the scene cannot be taken down. */
export const runFault = async (fault: Fault, ground: Ground, { rounds, seed, logs, signal }: RunFaultOptions): Promise<FaultResult> => {
  const beganMs = performance.now();
  const scene = new Scene(ground, { ...defaultSettings, ...fault.settings }, new Random(seed), fault.name);
  let found = { events: 0, lost: 0, duplicated: 0 };
  try {
    await within(fault.limitS, signal, (async () => {
      await scene.open();
      await fault.run(scene, rounds);
      found = await scene.finish();
    })());
    scene.check(scene.proofs.length > 0, 'nothing proves that the fault happened');
  } catch (error) {
    scene.failures.push(`it broke off: ${(error as Error).message}`);
  } finally {
    if (logs !== undefined) await scene.saveLogs(logs);
    await scene.close();
  }
  const { proofs, notes, failures } = scene;
  const resumeS = scene.resumeS.map((seconds) => roundTo(seconds, 2));
  return {
    name: fault.name, title: fault.title, rounds, seconds: roundTo((performance.now() - beganMs) / 1_000, 0),
    events: found.events, lost: found.lost, duplicated: found.duplicated, resumeS, resumeMeans: fault.resumeMeans, resumeGoalS: fault.resumeGoalS, proofs, notes, failures,
  };
};
