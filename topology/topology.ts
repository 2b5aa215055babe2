import { check } from './check.ts';
import { TopologyError } from './errors.ts';
import type { SinkNode } from './node.ts';
import type { End } from './operators/to.ts';

/** A pipeline as a value: what the planner, the runtime, the test driver and `describe` take. */
export interface Topology {
  readonly name: string;
  readonly sinks: readonly SinkNode[];
}

/**
 * A topology of the pipes given, each ended by `to`. `name` is the default of the application's name, which begins the names
 * of its groups and internal topics.
 *
 * Throws `TopologyError` with everything that is wrong at once: empty, illegal or repeated names, options out of range.
 */
export const topology = (name: string, ...ends: readonly End[]): Topology => {
  const sinks = Object.freeze(ends.map((end) => end.sink));
  const problems = check(name, sinks);
  if (problems.length > 0) throw new TopologyError(name, problems);
  return Object.freeze({ name, sinks });
};
