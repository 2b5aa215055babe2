import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import { httpAddress, permanentFault, type HttpAddress } from '../core/http-address.ts';
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
const ask = async ({ base, headers }: HttpAddress, page: string, clock: Clock): Promise<number | unknown> => {
  const timeout = new AbortController();
  const timer = clock.after(REQUEST_TIMEOUT_MS, () => timeout.abort(new Error(`no answer in ${REQUEST_TIMEOUT_MS} ms`)));
  try {
    const { status, body } = await fetch(`${base}/${page}`, { signal: timeout.signal, headers: { ...headers, accept: 'application/json' } });
    await body?.cancel();
    return status;
  } catch (error) {
    return error;
  } finally {
    timer.cancel();
  }
};

/** Of addresses separated by commas the first. A password may have a comma. */
const firstOf = (value: string): string => value.split(/,(?=\s*https?:\/\/)/)[0]!.trim();

const addressOf = (value: string, key: string): HttpAddress | undefined => {
  try {
    return httpAddress(firstOf(value), key);
  } catch {
    return undefined;
  }
};

const NOT_LET_IN: ReadonlySet<unknown> = new Set([401, 403]);

/** What an answer, or that there was none, says of the file and of the registry. */
const judge = (answer: unknown, key: string, base: string): Partial<RegistryFindings> => {
  if (answer === 404) return { problems: [`${key}: there is no registry's API at ${base}: it answers 404`] };
  // The converter may have a login of its own.
  if (NOT_LET_IN.has(answer)) return { notes: [`${key}: the registry at ${base} does not let this command in (${String(answer)})`] };
  if (typeof answer === 'number') return answer >= 500 ? { faults: [`the registry at ${base} (${key}) answers ${answer}`] } : {};
  const refused = permanentFault(answer);
  if (refused !== undefined) return { problems: [`${key}: ${base} cannot be asked: ${refused}`] };
  const cause: unknown = (answer as Error).cause ?? answer;
  if (NAME_UNKNOWN.has(codeOf(cause))) return { notes: [`the registry was not asked from here: ${messageOf(cause)}`] };
  return { faults: [`the registry at ${base} (${key}) does not answer: ${messageOf(cause)}`] };
};

/** Whether the registry of the connector's converters answers, seen from here. */
export const checkRegistry = async (connector: ResolvedConnector, environment: Environment, clock: Clock): Promise<RegistryFindings> => {
  const found: Partial<RegistryFindings>[] = [];
  const seen = new Set<string>();
  for (const side of ['key.converter', 'value.converter']) {
    for (const [setting, page] of REGISTRIES) {
      const key = `${side}.${setting}`;
      const { value, missing, foreign } = replaceVariables(connector.resolved[key] ?? '', environment);
      if (value === '' || seen.has(value)) continue;
      seen.add(value);
      const address = addressOf(value, key);
      if (missing.length + foreign.length > 0) found.push({ notes: [`the registry was not asked from here: unknown here: ${[...missing, ...foreign].join(', ')}`] });
      else if (address === undefined) found.push({ problems: [`${key}: it is not an http URL`] });
      else found.push(judge(await ask(address, page, clock), key, address.base));
    }
  }
  return { problems: found.flatMap(({ problems = [] }) => problems), notes: found.flatMap(({ notes = [] }) => notes), faults: found.flatMap(({ faults = [] }) => faults) };
};
