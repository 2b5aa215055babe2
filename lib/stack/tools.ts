import { ConfigurationError } from '../core/errors.ts';
import { findTools, type ToolName } from './requirements.mjs';

const found = new Map<ToolName, Promise<string>>();

const find = async (name: ToolName): Promise<string> => {
  const { tools, problems } = await findTools([name]);
  const file = tools[name];
  if (file === undefined) throw new ConfigurationError(problems);
  return file;
};

/** Where a tool of this machine is. */
export const toolPath = (name: ToolName): Promise<string> => {
  const known = found.get(name) ?? find(name);
  found.set(name, known);
  return known;
};
