import avsc from 'avsc';
import { ConfigurationError, messageOf } from '../core/errors.ts';
import { camelCase, pascalCase, TypeWriter } from './types.ts';

type Definition = { readonly [attribute: string]: unknown };

/** Attribute of a schema file that names the exported value; without it the file's name does. */
export const EXPORT_ATTRIBUTE = 'millrace.export';

/** Attribute of a schema file that names its subject in the registry; a row of Debezium's has it in its name. */
export const SUBJECT_ATTRIBUTE = 'millrace.subject';

const IDENTIFIER = /^[A-Za-z_$][A-Za-z0-9_$]*$/;
/** Names that a module of ours cannot export: what it imports, and the language's own words. */
const RESERVED = /^(schema|break|case|catch|class|const|continue|debugger|default|delete|do|else|enum|export|extends|false|finally|for|function|if|import|in|instanceof|new|null|return|super|switch|this|throw|true|try|typeof|var|void|while|with|yield|let|static|await|implements|interface|package|private|protected|public|arguments|eval)$/;

/** What a schema file exports: `contentRow` and `ContentRow`, `enrichedSchema` and `Enriched`. */
export interface ExportNames {
  readonly value: string;
  readonly type: string;
}

/** The value is called as `millrace.export` says, else as the file; the type is the value's name in PascalCase less a trailing `Schema`. */
export const exportNames = (definition: Definition, baseName: string): ExportNames => {
  const given = definition[EXPORT_ATTRIBUTE];
  const value = given === undefined ? camelCase(baseName) : String(given);
  if (!IDENTIFIER.test(value) || RESERVED.test(value)) throw new Error(`${JSON.stringify(value)} is no name for an export; set "${EXPORT_ATTRIBUTE}"`);
  return { value, type: pascalCase(value.replace(/(.)Schema$/, '$1')) };
};

const WIDTH = 150;

const quoted = (text: string): string => `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;

const literal = (value: unknown, indent: string): string => {
  if (typeof value === 'string') return quoted(value);
  if (value === null || typeof value !== 'object') return String(value);
  const entries = Array.isArray(value)
    ? value.map((item) => literal(item, `${indent}  `))
    : Object.entries(value).map(([name, item]) => `${IDENTIFIER.test(name) ? name : quoted(name)}: ${literal(item, `${indent}  `)}`);
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{ ', ' }'];
  const inline = `${open}${entries.join(', ')}${close}`;
  if (entries.length === 0) return Array.isArray(value) ? '[]' : '{}';
  if (inline.length + indent.length <= WIDTH && !inline.includes('\n')) return inline;
  return [open.trim(), ...entries.map((entry) => `${indent}  ${entry},`), `${indent}${close.trim()}`].join('\n');
};

/**
 * The TypeScript module of a schema file: the row's interface, those of the records in it, and the schema as a value. The same input gives the same
 * bytes. `text` is the file's content, `fileName` its name (`content.avsc`).
 *
 * Throws `ConfigurationError` when the file is no valid Avro record schema.
 */
export const generateTypes = (text: string, fileName: string): string => {
  try {
    return moduleOf(JSON.parse(text) as unknown, fileName);
  } catch (cause) {
    throw new ConfigurationError([`${fileName}: ${messageOf(cause)}`], { cause });
  }
};

const moduleOf = (parsed: unknown, fileName: string): string => {
  if (parsed === null || typeof parsed !== 'object' || (parsed as Definition)['type'] !== 'record') throw new Error('is no Avro record schema');
  avsc.Type.forSchema(parsed as never, { wrapUnions: 'always' });
  const definition = parsed as Definition;
  const names = exportNames(definition, fileName.replace(/\.avsc$/, ''));
  const writer = new TypeWriter();
  writer.record(definition, names.type);
  const { [EXPORT_ATTRIBUTE]: _, [SUBJECT_ATTRIBUTE]: __, ...avro } = definition;
  return [
    `/** Generated from ${fileName} by \`millrace schemas types\`: change that file and run it again. */`,
    `import { ${['schema', ...writer.imported.map((name) => `type ${name}`)].join(', ')} } from 'millrace/topology';`,
    '',
    ...writer.interfaces.flatMap((source) => [source, '']),
    `export const ${names.value} = schema<${names.type}>(${literal(avro, '')});`,
    '',
  ].join('\n');
};
