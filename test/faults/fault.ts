/** What a fault is, and what is found when it has been run. */
import type { Scene, SceneSettings } from './scene.ts';

export interface Fault {
  /** For the command line. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  /** How often it is made in a full run. */
  readonly rounds: number;
  readonly settings?: Partial<SceneSettings>;
  /** Only where the stack's own broker may be killed. */
  readonly needsBroker?: true;
  /** Longest time of a full run, seconds; beyond it the fault counts as failed. */
  readonly limitS: number;
  /** From what and to what the seconds to resume are measured. */
  readonly resumeMeans: string;
  /** The longest that is good enough; null: no figure is set. */
  readonly resumeGoalS: number | null;
  /** Makes the fault while the load runs, proves that it happened, and measures. What every sink holds is compared afterwards. */
  run(scene: Scene, rounds: number): Promise<void>;
}

export interface FaultResult {
  readonly name: string;
  readonly title: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly events: number;
  readonly lost: number;
  readonly duplicated: number;
  /** One number per round, or per task where a round strikes several at different times. */
  readonly resumeS: readonly number[];
  /** What from and to is measured. */
  readonly resumeMeans: string;
  /** The longest that is good enough; null: no figure was set. */
  readonly resumeGoalS: number | null;
  /** How it was seen that the fault had happened. */
  readonly proofs: readonly string[];
  /** What else was measured. */
  readonly notes: readonly string[];
  /** Empty: everything is as it must be. */
  readonly failures: readonly string[];
}
