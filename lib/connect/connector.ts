import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ConfigurationError } from '../core/errors.ts';
import { jsonProblem, repeatedKeys } from './json-text.ts';

/** A connector as Kafka Connect takes it. Placeholders like `${env:NAME}` are resolved by Connect, not here. */
export interface Connector {
  readonly name: string;
  /** The flat map, with `name` in it. */
  readonly config: Readonly<Record<string, string>>;
  /** Where it was read, for messages. */
  readonly file: string;
}

const SCALARS: ReadonlySet<string> = new Set(['string', 'number', 'boolean']);

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Reads a connector from JSON text in either of Connect's two forms: `{ "name", "config": {...} }`, or the flat map, whose
 * name is its `name` or else the file's.
 * @throws ConfigurationError with every problem of the file
 */
export const parseConnector = (text: string, file: string): Connector => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new ConfigurationError([`${file}: not JSON: ${jsonProblem(error, text)}`]);
  }
  if (!isObject(json)) throw new ConfigurationError([`${file}: a connector is a JSON object`]);
  const nested = 'config' in json;
  const map = nested ? json.config : json;
  if (!isObject(map)) throw new ConfigurationError([`${file}: config is not an object`]);
  const problems = repeatedKeys(text).map((key) => `${file}: ${key} stands there twice`);
  const name = (nested ? json.name : undefined) ?? map.name ?? (nested ? undefined : basename(file, '.json'));
  if (typeof name !== 'string' || name === '') problems.push(`${file}: name is missing`);
  if (nested && map.name !== undefined && map.name !== name) problems.push(`${file}: name is ${JSON.stringify(name)} outside of config and ${JSON.stringify(map.name)} in it`);
  if (typeof map['connector.class'] !== 'string') problems.push(`${file}: connector.class is missing`);
  for (const [key, value] of Object.entries(map)) {
    if (!SCALARS.has(typeof value)) problems.push(`${file}: ${key} is neither text nor number nor boolean`);
  }
  if (nested) {
    for (const key of Object.keys(json)) if (key !== 'name' && key !== 'config') problems.push(`${file}: ${key} is not known beside name and config`);
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
  const entries = Object.entries(map).map(([key, value]) => [key, String(value)]);
  return { name: String(name), config: { ...Object.fromEntries(entries), name: String(name) }, file };
};

const filesOf = async (path: string): Promise<string[]> => {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw new ConfigurationError([`${path}: there is no such file or folder`]);
  if (!found.isDirectory()) return [path];
  const names = (await readdir(path)).filter((name) => name.endsWith('.json')).sort();
  if (names.length === 0) throw new ConfigurationError([`${path}: the folder has no .json file`]);
  return names.map((name) => join(path, name));
};

/**
 * Reads connectors from files, and from folders all their `.json` files.
 * @throws ConfigurationError with every problem of all files
 */
export const loadConnectors = async (paths: readonly string[]): Promise<readonly Connector[]> => {
  const connectors: Connector[] = [];
  const problems: string[] = [];
  const collect = (error: unknown): void => {
    if (!(error instanceof ConfigurationError)) throw error;
    problems.push(...error.problems);
  };
  for (const path of paths) {
    const files = await filesOf(path).catch((error: unknown) => {
      collect(error);
      return [];
    });
    for (const file of files) {
      try {
        const connector = parseConnector(await readFile(file, 'utf8'), file);
        const twin = connectors.find((other) => other.name === connector.name);
        if (twin !== undefined) problems.push(`${file}: ${twin.file} has a connector ${connector.name} already`);
        connectors.push(connector);
      } catch (error) {
        collect(error);
      }
    }
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
  return connectors;
};
