import type { StageFigures, WorkerFigures } from '../core/metrics.ts';

/** What `/health` answers. */
export interface Health {
  readonly worker: string;
  readonly state: WorkerFigures['state'];
  /** False: nothing but a new process helps. A process whose event loop hangs does not answer at all. */
  readonly live: boolean;
  /**
   * True: topics prepared, tables loaded, every stage in its group and the tasks that it was given open, none of them before a schema that it cannot read.
   * What waits for an outside sink does not count, in a worker that starts as in one that runs: it goes on by itself, and neither a restart nor another worker would help.
   */
  readonly ready: boolean;
  /** What it waits for until it is ready, one sentence each. */
  readonly waiting: readonly string[];
  /** Outside sinks that are down, one sentence each with the cause. Their stages wait, the others go on. */
  readonly sinksDown: readonly string[];
}

/** Whether the stage has not joined its group, or has tasks that are not open, since its sink does not answer. */
const waitsForSink = ({ sinkDown, assigned, rebalances, opening }: StageFigures): boolean => sinkDown !== null && ((assigned === null && rebalances === 0) || opening > 0);

const sinksDownOf = ({ stages }: WorkerFigures): string[] => stages.flatMap((stage) => {
  if (stage.sink === null || !(waitsForSink(stage) || stage.breaker === 'open' || stage.breaker === 'half-open')) return [];
  return [`sink ${stage.sink} is down, and its stage waits: ${stage.sinkDown ?? 'the log says why'}`];
});

const waitingFor = ({ state, stages, tables }: WorkerFigures): string[] => {
  if (state === 'failed') return ['the worker has failed; its log says why'];
  if (state === 'stopping' || state === 'stopped') return [`the worker is ${state}`];
  return [
    ...tables.flatMap(({ topic, loaded, pausedBy }) => {
      if (pausedBy !== undefined) return [`table ${topic} is paused: ${pausedBy}`];
      return loaded ? [] : [`table ${topic} is not loaded yet`];
    }),
    ...stages.flatMap(({ stage, pausedBy }) => (pausedBy === null ? [] : [`stage ${stage} is paused: ${pausedBy}`])),
    ...stages.filter((stage) => !waitsForSink(stage)).flatMap(({ stage, assigned, opening }) => {
      if (assigned === null) return [`stage ${stage} is not in its group yet`];
      return opening === 0 ? [] : [`stage ${stage} has ${opening} of its ${assigned} tasks not open yet`];
    }),
  ];
};

/** Asks no other system. */
export const healthOf = (figures: WorkerFigures): Health => {
  const waiting = waitingFor(figures);
  return { worker: figures.worker, state: figures.state, live: figures.state !== 'failed' && figures.state !== 'stopped', ready: waiting.length === 0, waiting, sinksDown: sinksDownOf(figures) };
};
