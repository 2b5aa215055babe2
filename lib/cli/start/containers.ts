import { dockerDown, dockerRuns, dockerUp, type DockerStack } from '../../stack/docker.ts';
import type { ExtraService, ServiceName } from '../../stack/index.ts';
import { stackProgress } from '../progress.ts';

export interface Containers {
  readonly stack: DockerStack;
  /** Stops the containers, unless some of them ran before. */
  stop(): Promise<void>;
}

export interface ContainersOptions {
  readonly dir: string;
  /** Of the stack's own servers. */
  readonly own: readonly ServiceName[];
  /** The demo's. */
  readonly services: readonly ExtraService[];
  readonly without: readonly string[];
  readonly signal: AbortSignal;
}

/**
 * The servers of a demo as containers. Its own servers are services of docker-compose.yml by the same names; what they find in
 * their environment becomes what that file asks for, also for those that are left out.
 */
export const bringContainersUp = async ({ dir, own, services, without, signal }: ContainersOptions): Promise<Containers> => {
  const env = Object.assign({}, ...services.map(({ environment }) => environment)) as Record<string, string>;
  const ranBefore = await dockerRuns({ dir, env, signal });
  const stop = async (): Promise<void> => (ranBefore ? undefined : dockerDown({ dir, env }));
  const progress = stackProgress(['docker']);
  try {
    const extraPorts = Object.fromEntries(services.map(({ name, port }) => [name, port]));
    const started = [...own, ...services.map(({ name }) => name)].filter((name) => !without.includes(name));
    return { stack: await dockerUp({ dir, env, extraPorts, services: started, onProgress: progress.onProgress, signal }), stop };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    await progress.finish();
  }
};
