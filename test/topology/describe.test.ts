import { expect } from 'chai';
import fc from 'fast-check';
import { describe as suite, it } from 'mocha';
import { describe, filter, json, keyBy, map, redis, scan, stream, tap, through, to, topology, type Operator, type Stream, type Topology } from 'millrace/topology';
import { meeting, orders } from './describe/topologies.ts';

const text = (...lines: readonly string[]): string => `${lines.join('\n')}\n`;

suite('describe as a tree', () => {
  it('prints steps one below the other, and forks where a stream is used more than once', () => {
    expect(describe(orders)).to.equal(text(
      'topology orders',
      '',
      'table(app.customers)  [debezium, key id]',
      '',
      'stream(app.orders)  [debezium]',
      'inserts  [snapshot included]',
      'validate(paid, final)',
      'leftJoin(app.customers)',
      'map(withName)',
      'keyBy(idOf)',
      'through(orders.clean)  [avro, retention 7d]',
      '├─ keyBy(by-kind)',
      '│  scan(per-kind)  [state json]',
      '│  to(counts)  [redis, batch 500 or 50 ms]',
      '└─ branch(final, rest)',
      '   ├─ final',
      '   │  ├─ to(warehouse)  [bigquery sales.orders, batch 500 or 50 ms]',
      '   │  └─ to(partner)  [http POST ${PARTNER_URL}, batch 10 or 50 ms]',
      '   └─ rest',
      '      filter',
      '      to(others)  [kafka orders.others]',
    ));
  });

  it('prints a merge where its first stream is, refers to it elsewhere, and shows no secret of an address', () => {
    expect(describe(meeting)).to.equal(text(
      'topology meeting',
      '',
      'stream(left)  [json]',
      '├─ merge #1',
      '│  to(all)  [redis, batch 500 or 50 ms]',
      '└─ filter(isFinal)',
      '   merge(finals)',
      '   to(finals)  [http PUT https://example.org, batch 500 or 50 ms]',
      '',
      'stream(right)  [json]',
      '├─ → merge #1, above',
      '└─ filter(isFinal)',
      '   → merge(finals), above',
    ));
  });
});

suite('describe as Mermaid', () => {
  it('draws topics, steps, arms, the table and the sinks', () => {
    expect(describe(orders, { format: 'mermaid' })).to.equal(text(
      'flowchart TD',
      '  t1[("app.customers<br/>key id")]',
      '  n1(["app.orders"])',
      '  n2["inserts"]',
      '  n3["validate(paid, final)"]',
      '  n4["leftJoin(app.customers)"]',
      '  n5["map(withName)"]',
      '  n6["keyBy(idOf)"]',
      '  n7(["orders.clean"])',
      '  n8["keyBy(by-kind)"]',
      '  n9[("scan(per-kind)")]',
      '  n10[/"counts<br/>redis"/]',
      '  n11{"branch"}',
      '  n12["filter"]',
      '  n13[/"others<br/>kafka orders.others"/]',
      '  n14[/"warehouse<br/>bigquery sales.orders"/]',
      '  n15[/"partner<br/>http POST ${PARTNER_URL}"/]',
      '  n1 --> n2',
      '  n2 --> n3',
      '  n3 --> n4',
      '  t1 -.-> n4',
      '  n4 --> n5',
      '  n5 --> n6',
      '  n6 --> n7',
      '  n7 --> n8',
      '  n8 --> n9',
      '  n9 --> n10',
      '  n7 --> n11',
      '  n11 -->|"rest"| n12',
      '  n12 --> n13',
      '  n11 -->|"final"| n14',
      '  n11 -->|"final"| n15',
    ));
  });

  it('draws one merge however many streams lead into it', () => {
    const lines = describe(meeting, { format: 'mermaid' }).split('\n');
    expect(lines.filter((line) => line.includes('"merge"'))).to.have.length(1);
    expect(lines).to.include.members(['  n1 --> n3', '  n2 --> n3', '  n7["merge(finals)"]', '  n5 --> n7', '  n6 --> n7']);
  });

  it('escapes what Mermaid would read as its own', () => {
    const odd = { '"<#1>"': (value: number): number => value };
    const drawn = describe(topology('odd', stream('t', json<number>()).pipe(map(odd['"<#1>"']), to('s', redis.hash({ key: 'k', fields: () => ({}) })))), { format: 'mermaid' });
    expect(drawn).to.contain('  n2["map(#quot;#lt;#35;1#gt;#quot;)"]\n');
  });
});

suite('names in a topology', () => {
  type Step = 'map' | 'tap' | 'keyBy' | 'scan' | 'through' | 'inserted';
  const inserted = (): boolean => true;
  const operators: Readonly<Record<Step, (place: number) => Operator<number, string, number, string>>> = {
    map: () => map((value) => value + 1),
    tap: () => tap(() => undefined),
    keyBy: (place) => keyBy(`key-${place}`, String),
    scan: (place) => scan(`sum-${place}`, (sum, value) => sum + value, { state: json<number>(), seed: 0 }),
    through: (place) => through(`topic-${place}`, json<number>()),
    inserted: () => filter(inserted),
  };

  /** A trunk, and two branches that leave it, each step named after its place in the plan rather than in the pipe. */
  const build = (parts: readonly (readonly (readonly [Step, number])[])[]): Topology => {
    const pipe = (source: Stream<number, string>, steps: readonly (readonly [Step, number])[]) => steps.reduce((at, [step, place]) => at.pipe(operators[step](place)), source);
    const source = stream('numbers', json<number>()).pipe(keyBy('source', String));
    const [trunk = [], ...branches] = parts;
    const start = pipe(source, trunk);
    return topology('random', ...branches.map((steps, i) => pipe(start, steps).pipe(to(`end-${i}`, redis.hash({ key: 'k', fields: () => ({}) })))));
  };
  const steps = fc.array(fc.constantFrom<Step>('map', 'tap', 'keyBy', 'scan', 'through'), { maxLength: 6 });
  const plans = fc.tuple(steps, steps, steps).map((parts) => parts.map((part, i) => part.map((step, j) => [step, i * 10 + j] as const)));
  const bare = (tree: string): string[] => tree.split('\n').map((line) => line.replace(/^[│├└─ ]*/, ''));

  it('are drawn the same each time', () => {
    fc.assert(fc.property(plans, (plan) => {
      for (const format of ['tree', 'mermaid'] as const) expect(describe(build(plan), { format })).to.equal(describe(build(plan), { format }));
    }));
  });

  it('stay when a filter is inserted anywhere: the tree has one line more and no line changes', () => {
    fc.assert(fc.property(plans, fc.nat(2), fc.nat(6), (plan, part, at) => {
      const more = plan.map((steps, i) => (i === part ? steps.toSpliced(at, 0, ['inserted', 99]) : steps));
      const [before, after] = [bare(describe(build(plan))), bare(describe(build(more)))];
      expect(after.filter((line) => line === 'filter(inserted)')).to.have.length(1);
      expect(after.filter((line) => line !== 'filter(inserted)')).to.deep.equal(before);
    }));
  });
});
