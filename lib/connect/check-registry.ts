import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import { replaceVariables, type Environment, type ResolvedConnector } from './placeholders.ts';

const REQUEST_TIMEOUT_MS = 5000;

/** The setting of each converter that says where the registry is, and a page that every such registry has. */
const REGISTRIES: readonly (readonly [setting: string, page: string])[] = [
  ['apicurio.registry.url', 'system/info'],
  ['schema.registry.url', 'config'],
];

export interface RegistryFindings {
  readonly problems: readonly string[];
  readonly notes: readonly string[];
  /** The registry is down: nobody's mistake. */
  readonly faults: readonly string[];
}

const NAME_UNKNOWN: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'EAI_AGAIN']);

const codeOf = (error: unknown): unknown => (typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined);

/** @returns the status, or why there is none */
const ask = async (url: string, clock: Clock): Promise<number | unknown> => {
  const timeout = new AbortController();
  const timer = clock.after(REQUEST_TIMEOUT_MS, () => timeout.abort(new Error(`no answer in ${REQUEST_TIMEOUT_MS} ms`)));
  try {
    const { status, body } = await fetch(url, { signal: timeout.signal, headers: { accept: 'application/json' } });
    await body?.cancel();
    return status;
  } catch (error) {
    return (error as Error).cause ?? error;
  } finally {
    timer.cancel();
  }
};

/** Whether the registry of the connector's converters answers, seen from here. */
export const checkRegistry = async (connector: ResolvedConnector, environment: Environment, clock: Clock): Promise<RegistryFindings> => {
  const [problems, notes, faults]: string[][] = [[], [], []];
  const seen = new Set<string>();
  for (const side of ['key.converter', 'value.converter']) {
    for (const [setting, page] of REGISTRIES) {
      const key = `${side}.${setting}`;
      const { value, missing, foreign } = replaceVariables(connector.resolved[key] ?? '', environment);
      if (value === '' || seen.has(value)) continue;
      seen.add(value);
      const base = value.split(',')[0]!.replace(/\/+$/, '');
      if (missing.length + foreign.length > 0) notes!.push(`the registry was not asked from here: unknown here: ${[...missing, ...foreign].join(', ')}`);
      else if (!URL.canParse(`${base}/${page}`)) problems!.push(`${key}: it is not a URL`);
      else {
        const answer = await ask(`${base}/${page}`, clock);
        if (answer === 404) problems!.push(`${key}: there is no registry's API at ${base}: it answers 404`);
        else if (typeof answer === 'number' && answer >= 500) faults!.push(`the registry at ${base} (${key}) answers ${answer}`);
        else if (typeof answer !== 'number' && NAME_UNKNOWN.has(codeOf(answer))) notes!.push(`the registry was not asked from here: ${messageOf(answer)}`);
        else if (typeof answer !== 'number') faults!.push(`the registry at ${base} (${key}) does not answer: ${messageOf(answer)}`);
      }
    }
  }
  return { problems: problems!, notes: notes!, faults: faults! };
};
