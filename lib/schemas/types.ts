/** TypeScript types of Avro schemas, exactly as `lib/serde` reads and writes their values. */
import { decimalScaleOf, isVariableScaleDecimal } from '../serde/avro-schema.ts';
import { LARGEST_SCALE } from '../serde/decimal.ts';
import { isTimeUnits } from '../serde/time-text.ts';

export type Node = string | readonly Node[] | { readonly [attribute: string]: unknown };
type Definition = { readonly [attribute: string]: unknown };

const PRIMITIVES: Readonly<Record<string, string>> = {
  null: 'null',
  boolean: 'boolean',
  int: 'number',
  long: 'bigint',
  float: 'number',
  double: 'number',
  string: 'string',
  bytes: 'Uint8Array',
};

const UNITS: Readonly<Record<string, string>> = {
  'io.debezium.time.Date': 'Days since 1970-01-01.',
  'io.debezium.time.Time': 'Milliseconds since midnight.',
  'io.debezium.time.MicroTime': 'Microseconds since midnight.',
  'io.debezium.time.NanoTime': 'Nanoseconds since midnight.',
  'io.debezium.time.Timestamp': 'Milliseconds since the epoch.',
  'io.debezium.time.MicroTimestamp': 'Microseconds since the epoch.',
  'io.debezium.time.NanoTimestamp': 'Nanoseconds since the epoch.',
  'io.debezium.time.MicroDuration': 'Microseconds; a month counts as 30.4375 days.',
  'io.debezium.time.Interval': "ISO 8601 duration, such as 'P1Y2M3DT4H5M6.789S'.",
  'io.debezium.time.ZonedTime': 'Time of day in UTC; the offset it had is not carried.',
  'io.debezium.data.Bits': 'The last bits come first (little-endian).',
  'io.debezium.time.ZonedTimestamp': "ISO 8601 text in UTC, up to six digits of a second; 'infinity' and '-infinity' are possible.",
  'io.debezium.data.Json': 'JSON text.',
  'org.apache.kafka.connect.data.Date': 'Days since 1970-01-01.',
  'org.apache.kafka.connect.data.Time': 'Milliseconds since midnight.',
  'org.apache.kafka.connect.data.Timestamp': 'Milliseconds since the epoch.',
};

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** `content-row`, `content_row` and `contentRow` all to `contentRow`. */
export const camelCase = (text: string): string =>
  text.replace(/[^A-Za-z0-9]+(.)?/g, (_, next: string | undefined) => (next === undefined ? '' : next.toUpperCase())).replace(/^./, (first) => first.toLowerCase());

export const pascalCase = (text: string): string => capitalised(camelCase(text));

const comment = (lines: readonly string[], indent: string): string[] => {
  const safe = lines.map((line) => line.replaceAll('*/', '* /'));
  if (safe.length === 0) return [];
  return safe.length === 1 ? [`${indent}/** ${safe[0]} */`] : [`${indent}/**`, ...safe.map((line) => `${indent} * ${line}`), `${indent} */`];
};

const docOf = (...nodes: readonly unknown[]): string[] =>
  nodes.flatMap((node) => (node !== null && typeof node === 'object' && typeof (node as Definition)['doc'] === 'string' ? String((node as Definition)['doc']).split(/\s*\n\s*/) : []));

/** Units and forms that a type alone does not say. */
const meaningOf = (node: unknown): string[] => {
  if (Array.isArray(node)) return node.flatMap(meaningOf);
  if (node === null || typeof node !== 'object') return [];
  const definition = node as Definition;
  const scale = decimalScaleOf(definition);
  if (scale !== undefined && scale > LARGEST_SCALE) return ['Exact decimal text.'];
  if (scale !== undefined) return [`Exact decimal text with ${scale} ${scale === 1 ? 'digit' : 'digits'} behind the point.`];
  if (isVariableScaleDecimal(definition)) return ['Exact decimal text.'];
  return [UNITS[String(definition['connect.name'])]].filter((text) => text !== undefined);
};

/** Collects the interfaces that one schema needs, the outermost last. */
export class TypeWriter {
  readonly #namespaces: string[] = [];
  readonly #named = new Map<string, string>();
  readonly #taken = new Set<string>(['Readonly', 'Record', 'Uint8Array', 'Decimal', 'TimeUnits']);
  readonly #imported = new Set<'Decimal' | 'TimeUnits'>();
  readonly #interfaces: string[] = [];

  /** Types of ours that the interfaces mention. */
  get imported(): readonly string[] {
    return [...this.#imported].sort();
  }

  /** Source of all interfaces so far, each after those it mentions. */
  get interfaces(): readonly string[] {
    return this.#interfaces;
  }

  /** The interface of a record, under a name of one's own. */
  record(definition: Definition, typeName: string): void {
    this.#taken.add(typeName);
    this.#record(definition, typeName);
  }

  #qualified(definition: Definition): string {
    const name = String(definition['name']);
    if (name.includes('.')) return name;
    const namespace = definition['namespace'] ?? this.#namespaces.at(-1) ?? '';
    return namespace === '' ? name : `${String(namespace)}.${name}`;
  }

  #fresh(wanted: string): string {
    let name = wanted;
    for (let n = 2; this.#taken.has(name); n += 1) name = `${wanted}${n}`;
    this.#taken.add(name);
    return name;
  }

  #record(definition: Definition, typeName: string): void {
    const full = this.#qualified(definition);
    this.#named.set(full, typeName);
    this.#namespaces.push(full.slice(0, Math.max(0, full.lastIndexOf('.'))));
    const fields = (definition['fields'] as readonly Definition[]).flatMap((field) => {
      const type = this.#type(field['type'] as Node, pascalCase(String(field['name'])));
      return [...comment([...docOf(field), ...meaningOf(field['type'])], '  '), `  readonly ${String(field['name'])}: ${type};`];
    });
    this.#namespaces.pop();
    this.#interfaces.push([...comment(docOf(definition), ''), `export interface ${typeName} {`, ...fields, '}'].join('\n'));
  }

  #type(node: Node, wanted: string): string {
    if (typeof node === 'string') return this.#reference(node);
    if (Array.isArray(node)) return this.#union(node as readonly Node[], wanted);
    const definition = node as Definition;
    if (decimalScaleOf(definition) !== undefined || isVariableScaleDecimal(definition)) {
      this.#imported.add('Decimal');
      return this.#remember(definition, 'Decimal');
    }
    if ((definition['type'] === 'int' || definition['type'] === 'long') && isTimeUnits(String(definition['connect.name']))) {
      this.#imported.add('TimeUnits');
      return `TimeUnits<${PRIMITIVES[definition['type']]!}>`;
    }
    switch (definition['type']) {
      case 'record':
      case 'error': {
        const typeName = this.#fresh(String(definition['name']) === 'Value' ? wanted : pascalCase(String(definition['name']).split('.').at(-1)!));
        this.#record(definition, typeName);
        return typeName;
      }
      case 'enum':
        return this.#remember(definition, (definition['symbols'] as readonly string[]).map((symbol) => `'${symbol}'`).join(' | '));
      case 'fixed':
        return this.#remember(definition, 'Uint8Array');
      case 'array': {
        const items = this.#type(definition['items'] as Node, wanted);
        return `readonly ${items.includes(' ') ? `(${items})` : items}[]`;
      }
      case 'map':
        return `Readonly<Record<string, ${this.#type(definition['values'] as Node, wanted)}>>`;
      default:
        return this.#type(definition['type'] as Node, wanted);
    }
  }

  #remember(definition: Definition, type: string): string {
    if (definition['name'] !== undefined) this.#named.set(this.#qualified(definition), type);
    return type;
  }

  #reference(name: string): string {
    const primitive = PRIMITIVES[name];
    if (primitive !== undefined) return primitive;
    const type = this.#named.get(this.#qualified({ name })) ?? this.#named.get(name);
    if (type === undefined) throw new Error(`the type ${name} is not defined`);
    return type;
  }

  /** Null stands last, where TypeScript's readers expect it. */
  #union(branches: readonly Node[], wanted: string): string {
    const types = [...new Set(branches.map((branch) => this.#type(branch, wanted)))];
    const values = types.filter((type) => type !== 'null').map((type) => (type.startsWith('readonly ') ? `(${type})` : type));
    return [...values, ...(types.includes('null') ? ['null'] : [])].join(' | ');
  }
}
