import { expect } from 'chai';
import { describe, it } from 'mocha';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { planJson } from '../../lib/cli/describe/json.ts';
import { planSvg } from '../../lib/cli/describe/svg.ts';
import { plan } from '../../lib/plan/plan.ts';
import { meeting, orders } from '../topology/describe/topologies.ts';
import { millrace } from './support.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const TOPOLOGY = join(ROOT, 'examples', 'engagement', 'topology.ts');
const PICTURE = join('docs', 'engagement-topology.svg');

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const numberIn = (element: string, name: string): number => Number(new RegExp(` ${name}="([-\\d.]+)"`).exec(element)?.[1]);

const boxesOf = (svg: string): Box[] =>
  [...svg.matchAll(/<rect [^>]*>/g)].map(([element]) => ({ x: numberIn(element, 'x'), y: numberIn(element, 'y'), width: numberIn(element, 'width'), height: numberIn(element, 'height') }));

const overlap = (a: Box, b: Box): boolean => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

const textsOf = (svg: string): string[] => [...svg.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, text]) => text!);

describe('describe as SVG', () => {
  it('draws the topics, then the table, then each stage with its steps and its sink', () => {
    expect(textsOf(planSvg(plan(orders), orders))).to.deep.equal([
      'orders-counts-input', 'internal topic',
      'orders-by-kind-repartition', 'repartition topic',
      'orders.others', 'topic, JSON',
      'orders.clean', 'topic, Avro',
      'app.orders', 'source topic, Debezium changes',
      'app.customers', 'table, key id',
      'by-kind', 'scan(per-kind)',
      'orders.clean', 'keyBy(by-kind)', 'branch: rest', 'filter',
      'app.orders', 'inserts', 'validate(paid, final)', 'leftJoin(app.customers)', 'map(withName)', 'keyBy(idOf)',
      'counts', 'Redis',
      'warehouse', 'branch: final', 'BigQuery', 'sales.orders',
      'partner', 'branch: final', 'HTTP', 'POST ${PARTNER_URL}',
    ]);
  });

  it('sets in what lies on different ways through a stage, each beginning with a point', () => {
    const svg = planSvg(plan(orders), orders);
    const left = (text: string): number => numberIn(new RegExp(`<text [^>]*>${text}<`).exec(svg)![0], 'x');
    expect(svg.match(/<circle /g)).to.have.length(2);
    expect(left('branch: rest')).to.equal(left('keyBy\\(by-kind\\)')).and.to.equal(left('filter'));
    const points = [...svg.matchAll(/<circle [^>]*>/g)].map(([element]) => numberIn(element, 'cx'));
    for (const x of points) expect(x).to.be.within(left('filter') - 14, left('filter'));
  });

  it('shows no secret of an address', () => {
    const svg = planSvg(plan(meeting), meeting);
    expect(svg).to.contain('PUT https://example.org<').and.not.to.contain('password').and.not.to.contain('abc');
  });

  for (const [name, topology] of Object.entries({ orders, meeting })) {
    it(`draws ${name} the same each time, no shape over another, all of it inside`, () => {
      const svg = planSvg(plan(topology), topology);
      expect(planSvg(plan(topology), topology)).to.equal(svg);
      const boxes = boxesOf(svg);
      const [, width, height] = /^<svg [^>]*viewBox="0 0 (\d+) (\d+)"/.exec(svg) ?? [];
      expect(boxes.length).to.be.greaterThan(3);
      for (const [i, box] of boxes.entries()) {
        expect(box.x >= 0 && box.y >= 0 && box.x + box.width <= Number(width) && box.y + box.height <= Number(height), `box ${i} is inside`).to.equal(true);
        for (const other of boxes.slice(i + 1)) expect(overlap(box, other), `box ${i} is apart`).to.equal(false);
      }
    });
  }

  it(`is in ${PICTURE} for the example, not wider than a README`, async () => {
    const { code, stdout, stderr } = await millrace(['describe', TOPOLOGY, '--format', 'svg']);
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    const update = `to update it: npx millrace describe examples/engagement/topology.ts --format svg > ${PICTURE}`;
    expect(await readFile(join(ROOT, PICTURE), 'utf8'), update).to.equal(stdout);
    expect(numberIn(/^<svg [^>]*>/.exec(stdout)?.[0] ?? '', 'width')).to.be.lessThan(881);
  });
});

describe('describe as JSON', () => {
  it('gives stages, tables and topics of the plan', () => {
    const json = JSON.parse(planJson(plan(orders))) as { readonly stages: readonly { readonly name: string }[]; readonly topics: readonly { readonly topic: string }[] };
    expect(json).to.include.keys('app', 'stages', 'tables', 'topics');
    expect(json.stages.map(({ name }) => name)).to.deep.equal(['by-kind', 'orders.clean', 'app.orders', 'counts', 'warehouse', 'partner']);
    expect(json.stages[0]).to.deep.equal({
      name: 'by-kind',
      group: 'orders.by-kind',
      transactionalIdPrefix: 'orders.by-kind.',
      reads: [{ topic: 'orders-by-kind-repartition', codec: 'internal' }],
      joins: [],
      stores: [{ name: 'per-kind', changelog: 'orders-per-kind-changelog' }],
      writes: [{ topic: 'orders-counts-input', codec: 'internal' }],
      sink: null,
      deadLetters: 'orders-by-kind-dlq',
    });
    expect(json.stages[4]).to.deep.include({
      reads: [{ topic: 'orders.clean', codec: 'avro' }],
      sink: { name: 'warehouse', kind: 'bigquery', target: 'bigquery sales.orders', batch: { records: 500, waitMs: 50 } },
    });
    expect(json.topics.find(({ topic }) => topic === 'orders.clean')).to.deep.equal({ topic: 'orders.clean', role: 'through', partitions: ['app.orders'], config: { 'retention.ms': '604800000' } });
  });

  it('is what --json and --format json print', async () => {
    const [long, short] = [await millrace(['describe', TOPOLOGY, '--format', 'json']), await millrace(['describe', TOPOLOGY, '--json'])];
    expect(short).to.deep.equal(long);
    expect(JSON.parse(long.stdout)).to.include({ app: 'engagement' });
  });
});
