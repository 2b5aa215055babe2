/** Schema files as text that depends on the schema alone. */
const WIDTH = 148;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);

const inline = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const entries = Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}: ${inline(item)}`);
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
};

const spread = (value: unknown, indent: string, always: 'break' | 'when long'): string => {
  const flat = inline(value);
  if (always === 'when long' && indent.length + flat.length <= WIDTH) return flat;
  const inner = `${indent}  `;
  if (Array.isArray(value)) return `[\n${value.map((item) => inner + spread(item, inner, 'when long')).join(',\n')}\n${indent}]`;
  if (!isObject(value)) return flat;
  const entries = Object.entries(value).map(([name, item]) => `${inner}${JSON.stringify(name)}: ${spread(item, inner, name === 'fields' ? 'break' : 'when long')}`);
  return `{\n${entries.join(',\n')}\n${indent}}`;
};

/** Each field of the record in a line of its own where it is not too long; the order of attributes and fields is kept. */
export const formatSchema = (schema: Readonly<Record<string, unknown>>): string => `${spread(schema, '', 'break')}\n`;
