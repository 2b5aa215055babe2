import type { InstallContext } from './cache.ts';
import type { Launch } from './process.ts';
import type { Secrets } from './secrets.ts';

/** What a service is given when it is launched, probed and set up. */
export interface ServiceContext extends InstallContext {
  /** The stack's folder. */
  readonly dir: string;
  /** This service's own folder; it exists. */
  readonly dataDir: string;
  /** The port that a service was given for a role, such as `port('kafka', 'client')`. */
  readonly port: (service: string, role: string) => number;
  /** What the other services are reached by, see `environmentOf`. */
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: Secrets;
}

/** One server of the local stack. */
export interface Service {
  readonly name: string;
  /** Preferred port by role. */
  readonly ports: Readonly<Record<string, number>>;
  /** Services that must be ready before this one is launched. */
  readonly after: readonly string[];
  readonly readyTimeoutMs: number;
  readonly stopSignal: NodeJS.Signals;
  /** Puts the programs into the cache; quick when they are there. */
  install(context: InstallContext): Promise<void>;
  /** Where the data goes; the stack's own folder unless the service cannot work there. */
  dataFolder?(preferred: string): Promise<string>;
  /** Writes what the server reads at its start and says how to start it. */
  launch(context: ServiceContext): Promise<Launch>;
  /** Rejects while the server does not serve. */
  probe(context: ServiceContext): Promise<void>;
  /** What is set up once the server serves, at every start. */
  initialise?(context: ServiceContext): Promise<void>;
}
