/**
 * Stage of a plan -> plain functions. One call per record runs all the steps of a stage as composed closures; nothing is
 * allocated by the steps themselves. Which node is running is kept in `host.at`, so that a thrown error can be placed.
 */
import type { Meta } from '../../topology/meta.ts';
import type { ArmNode, BranchNode, JoinNode, KeyByNode, Node, ScanNode, ValidateNode } from '../../topology/node.ts';
import { parentsOf } from '../../topology/node.ts';
import { DeadLetterError } from '../core/errors.ts';
import { keyText } from '../serde/key.ts';
import { changes, dedupe, inserts, upserts } from './changes.ts';
import type { StageHost } from './host.ts';
import type { StagePlan } from './types.ts';

export type { StageHost, StageMeta, StateAccess, TableAccess } from './host.ts';

type Step = (value: never) => void;
type Fn = (value: unknown, meta: Meta<unknown>) => unknown;
const call = (fn: unknown): Fn => fn as Fn;

/** Topic -> what to do with the decoded value of one of its records. */
export type CompiledStage = ReadonlyMap<string, (value: unknown) => void>;

export const compile = (stage: StagePlan, host: StageHost): CompiledStage => new Compiler(stage, host).stage();

class Compiler {
  readonly #stage: StagePlan;
  readonly #host: StageHost;
  readonly #children = new Map<Node, Node[]>();
  readonly #built = new Map<Node, Step>();

  constructor(stage: StagePlan, host: StageHost) {
    this.#stage = stage;
    this.#host = host;
    for (const node of stage.nodes) {
      for (const parent of parentsOf(node)) this.#children.set(parent, [...(this.#children.get(parent) ?? []), node]);
    }
  }

  stage(): CompiledStage {
    return new Map(this.#stage.entries.map((entry) => {
      const steps = entry.nodes.map((node) => (node.kind === 'sink' ? this.#step(node) : this.#next(node)));
      return [entry.topic, fanOut(steps) as (value: unknown) => void];
    }));
  }

  /** What happens to the values that a node puts out. */
  #next(node: Node): Step {
    return fanOut((this.#children.get(node) ?? []).map((child) => this.#step(child)));
  }

  #step(node: Node): Step {
    const known = this.#built.get(node);
    if (known !== undefined) return known;
    const step = this.#build(node) as Step;
    this.#built.set(node, step);
    return step;
  }

  #build(node: Node): (value: unknown) => void {
    const host = this.#host;
    const meta = host.meta;
    const output = this.#stage.outputs.findIndex((o) => o.node === node);
    if (output >= 0) return this.#leave(node, output);
    const next = this.#next(node) as (value: unknown) => void;
    switch (node.kind) {
      case 'inserts': return inserts(node, host, next);
      case 'changes': return changes(node, host, next);
      case 'upserts': return upserts(node, host, next);
      case 'dedupe': return dedupe(node, host, next);
      case 'map': {
        const apply = call(node.apply);
        return (value) => {
          host.at = node;
          next(apply(value, meta));
        };
      }
      case 'filter': {
        const predicate = call(node.predicate);
        return (value) => {
          host.at = node;
          if (predicate(value, meta)) next(value);
        };
      }
      case 'tap': {
        const effect = call(node.effect);
        return (value) => {
          host.at = node;
          effect(value, meta);
          next(value);
        };
      }
      case 'validate': return validate(node, host, next);
      case 'keyBy': return keyBy(node, host, next);
      case 'join': return join(node, host, next);
      case 'merge': return next;
      case 'branch': return this.#branch(node);
      case 'arm': return next;
      case 'inner': return (value) => {
        host.at = node;
        host.inner(node, value, next);
      };
      case 'scan': return scan(node, host, next);
      case 'sink': return (value) => {
        host.at = node;
        host.sink(value);
      };
      case 'source':
      case 'through': throw new Error(`${node.kind} is where a stage begins, not a step in it`);
    }
  }

  /** A node whose values are written to a topic. A repartitioning keyBy sets the key that they are written under. */
  #leave(node: Node, index: number): (value: unknown) => void {
    const host = this.#host;
    const write = (value: unknown): void => {
      host.at = node;
      host.output(index, value);
    };
    return node.kind === 'keyBy' ? keyBy(node, host, write) : write;
  }

  #branch(node: BranchNode): (value: unknown) => void {
    const host = this.#host;
    const arms = (this.#children.get(node) ?? []) as ArmNode[];
    const names = Object.keys(node.branches);
    const predicates = names.map((name) => (node.branches[name] === null ? null : call(node.branches[name])));
    const nexts = names.map((name) => fanOut(arms.filter((arm) => arm.name === name).map((arm) => this.#step(arm))) as (value: unknown) => void);
    return (value) => {
      host.at = node;
      for (let i = 0; i < predicates.length; i += 1) {
        const predicate = predicates[i]!;
        if (predicate === null || predicate(value, host.meta)) {
          nexts[i]!(value);
          return;
        }
      }
      host.drop('no-branch');
    };
  }
}

const nothing: Step = () => {};

const fanOut = (steps: readonly Step[]): Step => {
  if (steps.length === 0) return nothing;
  if (steps.length === 1) return steps[0]!;
  return (value) => {
    for (let i = 0; i < steps.length; i += 1) steps[i]!(value);
  };
};

const validate = (node: ValidateNode, host: StageHost, next: (value: unknown) => void) => {
  const names = Object.keys(node.rules);
  const rules = names.map((name) => call(node.rules[name]));
  return (value: unknown): void => {
    host.at = node;
    for (let i = 0; i < rules.length; i += 1) {
      if (!rules[i]!(value, host.meta)) throw new DeadLetterError(`the record breaks the rule '${names[i]}'`, { rule: names[i]! });
    }
    next(value);
  };
};

const keyBy = (node: KeyByNode, host: StageHost, next: (value: unknown) => void) => {
  const keyOf = call(node.key);
  return (value: unknown): void => {
    host.at = node;
    const key = keyOf(value, host.meta);
    if (key === undefined) throw new DeadLetterError('the key is undefined', { hint: 'null is a key, undefined is a field that is not there' });
    const saved = host.meta.swapKey(key);
    next(value);
    host.meta.restoreKey(saved);
  };
};

const join = (node: JoinNode, host: StageHost, next: (value: unknown) => void) => {
  const keyOf = call(node.key);
  const table = host.table(node.table);
  return (value: unknown): void => {
    host.at = node;
    const key = keyOf(value, host.meta);
    const row = key === null || key === undefined ? undefined : table.get(key);
    if (row !== undefined) next([value, row]);
    else if (node.type === 'left') next([value, null]);
    else host.drop('no-match');
  };
};

const seedOf = (node: ScanNode): ((key: unknown) => unknown) => {
  if (typeof node.seed === 'function') return node.seed as (key: unknown) => unknown;
  return typeof node.seed === 'object' ? () => structuredClone(node.seed) : () => node.seed;
};

const scan = (node: ScanNode, host: StageHost, next: (value: unknown) => void) => {
  const store = host.store(node);
  const seed = seedOf(node);
  const reduce = node.reducer as (state: unknown, value: unknown, meta: Meta<unknown>) => unknown;
  return (value: unknown): void => {
    host.at = node;
    const key = host.meta.key;
    const text = keyText(key);
    const before = store.get(text);
    const after = reduce(before === undefined ? seed(key) : before, value, host.meta);
    if (after === null || after === undefined) store.delete(text);
    else store.put(text, after);
    next(after);
  };
};
