import type { WorkerFigures } from '../core/metrics.ts';

/** What `/health` answers. */
export interface Health {
  readonly worker: string;
  readonly state: WorkerFigures['state'];
  /** False: nothing but a new process helps. A process whose event loop hangs does not answer at all. */
  readonly live: boolean;
  /** True: topics prepared, tables loaded, every stage in its group and the tasks that it was given open, none of them before a schema that it cannot read. */
  readonly ready: boolean;
  /** What it waits for until it is ready, one sentence each. */
  readonly waiting: readonly string[];
}

const waitingFor = ({ state, stages, tables }: WorkerFigures): string[] => {
  if (state === 'failed') return ['the worker has failed; its log says why'];
  if (state === 'stopping' || state === 'stopped') return [`the worker is ${state}`];
  return [
    ...tables.flatMap(({ topic, loaded, pausedBy }) => {
      if (pausedBy !== undefined) return [`table ${topic} is paused: ${pausedBy}`];
      return loaded ? [] : [`table ${topic} is not loaded yet`];
    }),
    ...stages.flatMap(({ stage, pausedBy }) => (pausedBy === null ? [] : [`stage ${stage} is paused: ${pausedBy}`])),
    ...stages.flatMap(({ stage, assigned, opening }) => {
      if (assigned === null) return [`stage ${stage} is not in its group yet`];
      return opening === 0 ? [] : [`stage ${stage} has ${opening} of its ${assigned} tasks not open yet`];
    }),
  ];
};

/** Outside systems are no part of it: a worker whose sink is down waits, and a restart would not help. */
export const healthOf = (figures: WorkerFigures): Health => {
  const waiting = waitingFor(figures);
  return { worker: figures.worker, state: figures.state, live: figures.state !== 'failed' && figures.state !== 'stopped', ready: waiting.length === 0, waiting };
};
