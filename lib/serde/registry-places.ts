import type { AvroSchema } from '../../topology/codecs.ts';
import type { Clock } from '../core/clock.ts';

/** A schema may stand under the subjects of many topics; an error names so many. */
const MAX_NAMED = 3;

export interface PlacesOptions {
  /** Base of the Confluent-compatible API, without user info. */
  readonly host: string;
  readonly auth: { readonly username: string; readonly password: string } | null;
  readonly clock: Clock;
  readonly timeoutMs: number;
}

interface Place {
  readonly subject: string;
  readonly version: number;
}

/** Null when there is no answer, or none that makes sense. */
const ask = async (path: string, { host, auth, clock, timeoutMs }: PlacesOptions): Promise<unknown> => {
  const timeout = new AbortController();
  const timer = clock.after(timeoutMs, () => timeout.abort());
  try {
    const authorization = auth === null ? {} : { authorization: `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}` };
    const response = await fetch(`${host}${path}`, { headers: { accept: 'application/vnd.schemaregistry.v1+json, application/json', ...authorization }, signal: timeout.signal });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  } finally {
    timer.cancel();
  }
};

const placesOf = async (id: number, options: PlacesOptions): Promise<readonly Place[]> => {
  const answer = await ask(`/schemas/ids/${id}/versions`, options);
  return Array.isArray(answer) ? (answer as readonly Partial<Place>[]).filter((place): place is Place => typeof place?.subject === 'string' && typeof place.version === 'number') : [];
};

/** Under which subjects and versions the registry has a schema. Asked once, for an error's text: null when there is no answer. */
export const schemaVersions = async (id: number, options: PlacesOptions): Promise<string | null> => {
  const places = (await placesOf(id, options)).map(({ subject, version }) => `version ${version} of ${subject}`);
  if (places.length === 0) return null;
  return places.length > MAX_NAMED ? `${places.slice(0, MAX_NAMED).join(', ')} and ${places.length - MAX_NAMED} more` : places.join(', ');
};

/**
 * A schema by one of its places. Apicurio's registry 3.0 does not tell by its id what it finds not to be valid Avro, as the default `{}` that
 * Debezium gives a text; by subject and version it tells everything. Null when that is no Avro schema, or another one's.
 */
export const schemaByPlace = async (id: number, options: PlacesOptions): Promise<AvroSchema | null> => {
  const [place] = await placesOf(id, options);
  if (place === undefined) return null;
  const answer = (await ask(`/subjects/${encodeURIComponent(place.subject)}/versions/${place.version}`, options)) as { readonly id?: unknown; readonly schema?: unknown; readonly schemaType?: unknown } | null;
  if (answer?.id !== id || typeof answer.schema !== 'string' || (answer.schemaType ?? 'AVRO') !== 'AVRO') return null;
  return JSON.parse(answer.schema) as AvroSchema;
};
