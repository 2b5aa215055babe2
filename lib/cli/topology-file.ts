import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { TopologyError } from '../../topology/errors.ts';
import type { Topology } from '../../topology/topology.ts';
import { ConfigurationError, messageOf } from '../core/errors.ts';

const isTopology = (value: unknown): value is Topology =>
  typeof value === 'object' && value !== null && 'name' in value && 'sinks' in value && Array.isArray(value.sinks);

/** The topology that a file exports as default. Throws `ConfigurationError` when there is none or it is unsound. */
export const loadTopology = async (file: string): Promise<Topology> => {
  const url = pathToFileURL(resolve(file)).href;
  let loaded: { readonly default?: unknown };
  try {
    loaded = await import(url) as { readonly default?: unknown };
  } catch (cause) {
    if (cause instanceof TopologyError) throw new ConfigurationError(cause.problems, { cause });
    throw new ConfigurationError([`${file} cannot be loaded: ${messageOf(cause)}`], { cause });
  }
  if (!isTopology(loaded.default)) throw new ConfigurationError([`${file} has no topology as its default export: write export default topology('name', ...)`]);
  return loaded.default;
};
