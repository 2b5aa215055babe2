import { subjectOf, type Definition, type SchemaFile } from './files.ts';
import { definitionOf, rowOf } from './registered.ts';
import type { RegistryClient } from './registry-client.ts';

/** A field that differs. Types are text such as `null | string (io.debezium.data.Json)`; `default` is absent where there is none. */
export interface FieldChange {
  readonly path: string;
  /** added: in the file only; removed: in the registry only; unused: a column that a row's file leaves out, which is no difference. */
  readonly kind: 'added' | 'removed' | 'changed' | 'unused';
  readonly file?: FieldShape;
  readonly registry?: FieldShape;
}

export interface FieldShape {
  readonly type: string;
  readonly default?: unknown;
}

export interface SchemaDiff {
  readonly path: string;
  readonly subject: string;
  /** absent: the registry has no such subject. */
  readonly outcome: 'same' | 'different' | 'absent';
  /** The version that was compared, the latest. */
  readonly version: number | null;
  readonly id: number | null;
  /** In the registry's order, and then what the file adds. */
  readonly changes: readonly FieldChange[];
}

const isObject = (value: unknown): value is Definition => typeof value === 'object' && value !== null && !Array.isArray(value);

const lastPart = (name: unknown): string => String(name).split('.').at(-1)!;

/** A type in one line: what it holds and how it is meant, not where it is defined. */
export const typeText = (type: unknown): string => {
  if (Array.isArray(type)) return type.map(typeText).join(' | ');
  if (!isObject(type)) return lastPart(type);
  const of = (inner: unknown): string => (Array.isArray(inner) ? `(${typeText(inner)})` : typeText(inner));
  const scale = type['scale'] ?? (type['connect.parameters'] as Definition | undefined)?.['scale'];
  const meaning = [type['connect.name'] ?? type['logicalType'], ...(scale === undefined ? [] : [`scale ${String(scale)}`])].filter((part) => part !== undefined).join(', ');
  const text = ((): string => {
    switch (type['type']) {
      case 'array':
        return `array of ${of(type['items'])}`;
      case 'map':
        return `map of ${of(type['values'])}`;
      case 'enum':
        return `enum ${lastPart(type['name'])} (${(type['symbols'] as readonly string[]).join(', ')})`;
      case 'fixed':
        return `fixed ${lastPart(type['name'])} of ${String(type['size'])} bytes`;
      case 'record':
      case 'error':
        return `record ${lastPart(type['name'])}`;
      default:
        return typeText(type['type']);
    }
  })();
  return meaning === '' || type['type'] === 'record' ? text : `${text} (${meaning})`;
};

const recordIn = (type: unknown): Definition | undefined => {
  const found = (Array.isArray(type) ? (type as readonly unknown[]) : [type]).filter((branch): branch is Definition => isObject(branch) && branch['type'] === 'record');
  return found.length === 1 ? found[0] : undefined;
};

const shapeOf = (field: Definition): FieldShape => ({ type: typeText(field['type']), ...('default' in field ? { default: field['default'] } : {}) });

const fieldsOf = (record: Definition): readonly Definition[] => record['fields'] as readonly Definition[];

/** What differs between two records, field by field, also in records within them. Documentation and the order of fields make no difference. */
export const fieldChanges = (file: Definition, registry: Definition, kind: SchemaFile['kind'], above = ''): FieldChange[] => {
  const [ours, theirs] = [fieldsOf(file), fieldsOf(registry)];
  const pathOf = (field: Definition): string => (above === '' ? String(field['name']) : `${above}.${String(field['name'])}`);
  const seen = theirs.flatMap((field): FieldChange[] => {
    const path = pathOf(field);
    const other = ours.find(({ name }) => name === field['name']);
    if (other === undefined) return [{ path, kind: kind === 'row' ? 'unused' : 'removed', registry: shapeOf(field) }];
    const [a, b] = [shapeOf(other), shapeOf(field)];
    const inner = [recordIn(other['type']), recordIn(field['type'])] as const;
    const within = inner[0] === undefined || inner[1] === undefined ? [] : fieldChanges(inner[0], inner[1], kind, path);
    // A row's file may give a default of its own: it says what is read where the column is not there.
    const same = a.type === b.type && (kind === 'row' || JSON.stringify(a.default) === JSON.stringify(b.default));
    return same ? within : [{ path, kind: 'changed', file: a, registry: b }, ...within];
  });
  const added = ours.filter(({ name }) => !theirs.some((field) => field['name'] === name)).map((field): FieldChange => ({ path: pathOf(field), kind: 'added', file: shapeOf(field) }));
  return [...seen, ...added];
};

/** What differs between a file and the latest version of its subject. Throws `ConfigurationError` for a file without a subject. */
export const diffSchema = async (client: RegistryClient, file: SchemaFile): Promise<SchemaDiff> => {
  const subject = subjectOf(file);
  const latest = await client.version(subject, 'latest');
  if (latest === null) return { path: file.path, subject, outcome: 'absent', version: null, id: null, changes: [] };
  const definition = definitionOf(latest);
  const changes = fieldChanges(file.avro, file.kind === 'row' ? rowOf(definition) : definition, file.kind);
  const outcome = changes.every(({ kind }) => kind === 'unused') ? 'same' : 'different';
  return { path: file.path, subject, outcome, version: latest.version, id: latest.id, changes };
};
