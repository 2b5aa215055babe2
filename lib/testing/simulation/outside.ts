import type { Clock } from '../../core/clock.ts';
import { StopError } from '../../core/errors.ts';
import type { Network } from '../../kafka/memory/index.ts';
import type { TopicPartition } from '../../kafka/port.ts';
import type { StagePlan } from '../../plan/types.ts';
import type { RunOptions } from '../../runtime/run.ts';
import type { Random } from '../random.ts';
import type { FaultPlan } from './faults.ts';
import type { ExpectedWrite } from './fold.ts';
import type { Trace } from './trace.ts';

export interface OutsideOptions {
  readonly app: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly trace: Trace;
  readonly faults: FaultPlan;
  readonly fence: 'kept' | 'ignored';
}

/** The systems outside Kafka that sinks write to. */
export class OutsideWorld {
  readonly #options: OutsideOptions;

  constructor(options: OutsideOptions) {
    this.#options = options;
  }

  drivers(_network: Network): NonNullable<RunOptions['drivers']> {
    return (sink) => {
      throw new StopError(`a simulation has no ${sink.kind} yet`);
    };
  }

  async disturb(): Promise<void> {
    void this.#options;
    return Promise.resolve();
  }

  differences(_stage: StagePlan, _places: readonly TopicPartition[], _writes: readonly ExpectedWrite[]): readonly string[] {
    return [];
  }
}
