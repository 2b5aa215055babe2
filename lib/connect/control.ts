import { ConfigurationError } from '../core/errors.ts';
import { clientOf, type ConnectClient, type ConnectOptions } from './client.ts';
import { nearest } from './near.ts';
import { connectorStatus } from './status.ts';

/** What can be told to connectors that Connect has. */
export const ACTIONS = ['restart', 'pause', 'resume', 'delete'] as const;
export type Action = (typeof ACTIONS)[number];

export interface ControlOptions extends ConnectOptions {
  /** Of a restart: the connector and all its tasks, or those of them that have failed. Default: all. */
  readonly parts?: 'all' | 'failed';
}

export interface ControlledConnector {
  readonly name: string;
  readonly outcome: 'restarted' | 'paused' | 'resumed' | 'deleted';
}

const REQUESTS: Readonly<Record<Action, readonly [method: string, path: string, outcome: ControlledConnector['outcome']]>> = {
  restart: ['POST', '/restart?includeTasks=true&onlyFailed=', 'restarted'],
  pause: ['PUT', '/pause', 'paused'],
  resume: ['PUT', '/resume', 'resumed'],
  delete: ['DELETE', '', 'deleted'],
};

const send = async (client: ConnectClient, action: Action, names: readonly string[], parts: ControlOptions['parts']): Promise<readonly ControlledConnector[]> => {
  const [method, path, outcome] = REQUESTS[action];
  const suffix = action === 'restart' ? String(parts === 'failed') : '';
  const done: ControlledConnector[] = [];
  for (const name of names) {
    await client.expect(method, `/connectors/${encodeURIComponent(name)}${path}${suffix}`);
    done.push({ name, outcome });
  }
  return done;
};

/**
 * Restarts, pauses, resumes or deletes connectors. Connect has taken the order when this returns; `connectorStatus` with
 * `waitMs` waits for what comes of it.
 * @throws ConfigurationError when Connect does not have one of them: nothing is done then
 */
export const controlConnectors = async (action: Action, names: readonly string[], options: ControlOptions): Promise<readonly ControlledConnector[]> => {
  const client = clientOf(options);
  const existing = (await client.expect('GET', '/connectors')) as string[];
  const problems = names.filter((name) => !existing.includes(name)).map((name) => {
    const near = nearest(name, existing);
    return `Connect has no connector ${name}${near === undefined ? '' : `; did you mean ${near}?`}`;
  });
  if (problems.length > 0) throw new ConfigurationError(problems);
  return send(client, action, names, options.parts);
};

/** Gives what failed while something else was down, such as the registry, another chance. Others are left alone. */
export const restartFailed = async (names: readonly string[], options: ConnectOptions): Promise<readonly ControlledConnector[]> => {
  const failed = (await connectorStatus(names, options)).filter((connector) => connector.failed).map(({ name }) => name);
  return send(clientOf(options), 'restart', failed, 'failed');
};
