import type { Cursor } from './cursor.ts';
import type { Skip } from './avro-skip.ts';

/** One field of the object to build: read at the writer's field `index`, or made without it (a default). */
export interface FieldPlan {
  readonly name: string;
  readonly index: number | null;
  readonly read: (cursor: Cursor) => unknown;
}

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;

const property = (name: string, variable: string): string => {
  if (!IDENTIFIER.test(name)) throw new Error(`${JSON.stringify(name)} is no Avro name`);
  return name === '__proto__' ? `['__proto__']: ${variable}` : `${name}: ${variable}`;
};

/**
 * Builds the function that reads a record: the writer's fields in their order, those that nobody wants skipped, and one
 * object literal at the end. It is generated code because an object literal gives every row the same hidden class,
 * in one allocation. Names come from schemas, so they are checked to be identifiers first.
 */
export const recordReader = (skips: readonly Skip[], plans: readonly FieldPlan[]): ((cursor: Cursor) => Record<string, unknown>) => {
  const head = [...plans.map((_, i) => `const r${i} = reads[${i}];`), ...skips.map((_, i) => `const s${i} = skips[${i}];`)];
  const written = skips.map((_, index) => {
    const plan = plans.findIndex((p) => p.index === index);
    return plan < 0 ? `s${index}(cursor);` : `const v${plan} = r${plan}(cursor);`;
  });
  const rest = plans.flatMap((plan, i) => {
    if (plan.index === null) return [`const v${i} = r${i}(cursor);`];
    const first = plans.findIndex((p) => p.index === plan.index);
    return first === i ? [] : [`const v${i} = v${first};`];
  });
  const fields = plans.map(({ name }, i) => property(name, `v${i}`));
  const body = ["'use strict';", ...head, 'return (cursor) => {', ...written, ...rest, `return { ${fields.join(', ')} };`, '};'].join('\n');
  const make = new Function('skips', 'reads', body) as (skips: readonly Skip[], reads: readonly FieldPlan['read'][]) => (cursor: Cursor) => Record<string, unknown>;
  return make(skips, plans.map((plan) => plan.read));
};
