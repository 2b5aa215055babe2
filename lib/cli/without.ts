import type { Topology } from '../../topology/topology.ts';
import { ConfigurationError } from '../core/errors.ts';
import { plan } from '../plan/plan.ts';
import type { Plan, TopologyValue } from '../plan/types.ts';

const readersOf = ({ stages }: Plan, topic: string): readonly string[] => stages.filter(({ entries }) => entries.some((entry) => entry.topic === topic)).map(({ name }) => name);

/**
 * What a sink would find missing once it runs again: a stage that goes on without writing for it has committed past its records, and
 * an internal topic is deleted behind the readers that there are.
 */
const losses = (whole: Plan, rest: Plan): readonly string[] => {
  const unwritten = rest.stages.flatMap((stage) => {
    const full = whole.stages.find(({ name }) => name === stage.name)!;
    return full.outputs.filter(({ topic }) => !stage.outputs.some((output) => output.topic === topic)).map(({ topic }) => `${stage.name} would run without writing ${topic}`);
  });
  const unread = rest.topics.filter(({ role }) => role === 'input' || role === 'repartition').flatMap(({ topic }) => {
    const missing = readersOf(whole, topic).filter((name) => !readersOf(rest, topic).includes(name));
    return missing.map((name) => `${topic} would be deleted before ${name} has read it`);
  });
  return [...unwritten, ...unread];
};

/**
 * The topology without some of its sinks, and without the stages that only they need. Throws `ConfigurationError` for unknown names, when
 * nothing is left, and when a sink that is left out could not go on later where it stopped.
 */
export const withoutSinks = (topology: Topology, names: readonly string[]): TopologyValue => {
  if (names.length === 0) return topology;
  const known = topology.sinks.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new ConfigurationError(unknown.map((name) => `There is no sink ${name}; there are ${known.join(', ')}`));
  const sinks = topology.sinks.filter(({ name }) => !names.includes(name));
  if (sinks.length === 0) throw new ConfigurationError(['No sink is left']);
  const leftOut = topology.sinks.filter(({ name }) => names.includes(name));
  const rest = Object.freeze({ name: topology.name, sinks: Object.freeze(sinks), leftOut: Object.freeze(leftOut) });
  const lost = losses(plan(topology), plan(rest));
  if (lost.length > 0) throw new ConfigurationError(lost.map((text) => `Without ${names.join(', ')}: ${text}`), { hint: 'Leave out all sinks that the stage feeds, or none of them' });
  return rest;
};
