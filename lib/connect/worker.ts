/** What Connect's worker makes of a configuration, which this process does not see: values of placeholders, and which keys hold passwords. */
import type { ConnectClient } from './client.ts';
import { placeholdersIn } from './placeholders.ts';
import { isSecretKey, type Secrets } from './secrets.ts';

type Config = Readonly<Record<string, string>>;

export interface ValidationField {
  readonly definition?: { readonly name?: string; readonly type?: string };
  readonly value?: { readonly name?: string; readonly value?: string | null; readonly errors?: readonly string[] };
}

export const fieldsOf = (body: unknown): readonly ValidationField[] => (body as { readonly configs?: readonly ValidationField[] } | null | undefined)?.configs ?? [];

export const validatePath = (type: string): string => `/connector-plugins/${encodeURIComponent(type)}/config/validate`;

/** The keys whose values Connect itself hides. */
export const passwordKeysOf = (fields: readonly ValidationField[]): ReadonlySet<string> =>
  new Set(fields.flatMap(({ definition }) => (definition?.type === 'PASSWORD' && definition.name !== undefined ? [definition.name] : [])));

export interface Learnt {
  /** By placeholder, which is its own value where Connect has nothing for it. Empty when Connect does not say. */
  readonly values: ReadonlyMap<string, string>;
  readonly passwordKeys: ReadonlySet<string>;
}

/** Between placeholders that are asked for together. */
const BETWEEN = ' ::millrace:: ';

/**
 * Asks Connect what it has for the placeholders of a configuration. It leaves one as it is when it has nothing for it, and says
 * nothing; it shows what it made of a name, so each is asked for as one. Changes nothing.
 */
export const askWorker = async (client: ConnectClient, config: Config): Promise<Learnt> => {
  const wanted = [...new Set(Object.values(config).flatMap(placeholdersIn))];
  const type = config['connector.class'] ?? '';
  const { status, body } = await client.request('PUT', validatePath(type), { 'connector.class': type, name: wanted.length === 0 ? 'millrace' : wanted.join(BETWEEN) });
  const fields = status === 200 ? fieldsOf(body) : [];
  const found = fields.find(({ value }) => value?.name === 'name')?.value?.value?.split(BETWEEN) ?? [];
  const values = found.length === wanted.length ? wanted.map((placeholder, index): [string, string] => [placeholder, found[index]!]) : [];
  return { values: new Map(values), passwordKeys: passwordKeysOf(fields) };
};

/** Remembers what of a configuration no message may show. */
export const remember = (secrets: Secrets, config: Config, { values, passwordKeys }: Learnt): void => {
  for (const [key, text] of Object.entries(config)) {
    const own = placeholdersIn(text);
    const known = own.filter((placeholder) => (values.get(placeholder) ?? placeholder) !== placeholder);
    const secret = isSecretKey(key) || passwordKeys.has(key);
    const add = (value: string): void => (secret ? secrets.addPassword(value) : secrets.add(key, value));
    const whole = known.reduce((filled, placeholder) => filled.replaceAll(placeholder, () => values.get(placeholder)!), text);
    for (const placeholder of known) add(values.get(placeholder)!);
    if (known.length === own.length && (secret || own.length > 0)) add(whole);
    secrets.addPasswordsIn(whole);
  }
};
