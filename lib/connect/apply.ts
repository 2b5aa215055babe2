import { ConfigurationError, messageOf, RetryError, StopError } from '../core/errors.ts';
import { clientOf } from './client.ts';
import type { Connector } from './connector.ts';
import { restartFailed } from './control.ts';
import { runningConfig, sameConfig } from './diff.ts';
import { resolveConnectors, type ResolvedConnector } from './placeholders.ts';
import { expectValid, validateResolved, type ValidateOptions } from './validate.ts';

export interface AppliedConnector {
  readonly name: string;
  /** unchanged: Connect had exactly this; no task that runs was restarted. */
  readonly outcome: 'created' | 'changed' | 'unchanged';
}

export interface ApplyOptions extends ValidateOptions {
  /** What becomes of a connector that is as its file says and has failed: what failed of it is restarted (default), or it is left. */
  readonly failed?: 'restart' | 'leave';
}

const applyOne = async (connector: ResolvedConnector, options: ApplyOptions): Promise<AppliedConnector> => {
  const client = clientOf({ ...options, redact: connector.secrets.cut });
  const { name, resolved } = connector;
  const running = await runningConfig(client, name);
  if (running !== undefined && sameConfig(running, resolved)) {
    // What failed while something else was down, such as the registry, is given another chance.
    if (options.failed !== 'leave') await restartFailed([name], options);
    return { name, outcome: 'unchanged' };
  }
  await client.expect('PUT', `/connectors/${encodeURIComponent(name)}/config`, resolved);
  return { name, outcome: running === undefined ? 'created' : 'changed' };
};

/** Says how far it got, when some were applied and one was not. */
const stoppedAt = (error: unknown, connector: Connector, applied: readonly AppliedConnector[], left: readonly Connector[]): unknown => {
  if (!(error instanceof StopError || error instanceof RetryError)) return error;
  const done = applied.map(({ name, outcome }) => `${name} (${outcome})`).join(', ') || 'none';
  const undone = left.map(({ name }) => name).join(', ') || 'none';
  const message = `${connector.file}: ${connector.name} was not applied: ${messageOf(error)}; applied before it: ${done}; not tried: ${undone}`;
  return error instanceof StopError ? new StopError(message, { cause: error }) : new RetryError(message, { cause: error });
};

/**
 * Validates all connectors and, only if none has an error, creates or changes each. Repeating it changes nothing: to a
 * connector that is as its file says, and has not failed, nothing is sent, so that none of its tasks restarts.
 * @throws ConfigurationError with every error of every connector as `file: key: why`; nothing was applied then
 * @throws StopError, RetryError when Connect refuses or stops answering in between: the message says what was applied
 */
export const applyConnectors = async (connectors: readonly Connector[], options: ApplyOptions): Promise<readonly AppliedConnector[]> => {
  const resolution = resolveConnectors(connectors, options.placeholders ?? 'connect', options.environment ?? {});
  if (resolution.problems.length > 0) throw new ConfigurationError(resolution.problems);
  const resolvedOnes = resolution.connectors;
  expectValid(await validateResolved(resolvedOnes, options));
  const applied: AppliedConnector[] = [];
  for (const [index, connector] of resolvedOnes.entries()) {
    try {
      applied.push(await applyOne(connector, options));
    } catch (error) {
      throw stoppedAt(error, connector, applied, resolvedOnes.slice(index + 1));
    }
  }
  return applied;
};
