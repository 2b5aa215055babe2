import type { Clock } from '../core/clock.ts';

/** A schema may stand under the subjects of many topics; an error names so many. */
const MAX_NAMED = 3;

export interface VersionsOptions {
  /** Base of the Confluent-compatible API, without user info. */
  readonly host: string;
  readonly auth: { readonly username: string; readonly password: string } | null;
  readonly clock: Clock;
  readonly timeoutMs: number;
}

const textOf = (answer: unknown): string | null => {
  if (!Array.isArray(answer)) return null;
  const places = (answer as readonly { readonly subject?: unknown; readonly version?: unknown }[])
    .filter((place) => typeof place?.subject === 'string' && typeof place.version === 'number')
    .map(({ subject, version }) => `version ${String(version)} of ${String(subject)}`);
  if (places.length === 0) return null;
  return places.length > MAX_NAMED ? `${places.slice(0, MAX_NAMED).join(', ')} and ${places.length - MAX_NAMED} more` : places.join(', ');
};

/** Under which subjects and versions the registry has a schema. Asked once, for an error's text: null when there is no answer. */
export const schemaVersions = async (id: number, { host, auth, clock, timeoutMs }: VersionsOptions): Promise<string | null> => {
  const timeout = new AbortController();
  const timer = clock.after(timeoutMs, () => timeout.abort());
  try {
    const authorization = auth === null ? {} : { authorization: `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}` };
    const response = await fetch(`${host}/schemas/ids/${id}/versions`, { headers: { accept: 'application/vnd.schemaregistry.v1+json, application/json', ...authorization }, signal: timeout.signal });
    return response.ok ? textOf(await response.json()) : null;
  } catch {
    return null;
  } finally {
    timer.cancel();
  }
};
