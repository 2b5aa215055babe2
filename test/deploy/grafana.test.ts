import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { parse } from 'yaml';
import { dashboard, GRAFANA_FOLDER, type Dashboard } from './prometheus.ts';

const provisioned = async <T>(...path: string[]): Promise<T> => parse(await readFile(join(GRAFANA_FOLDER, 'provisioning', ...path), 'utf8')) as T;

describe('the dashboard', () => {
  let board: Dashboard;
  before(async () => {
    board = await dashboard();
  });

  it('has an identity of its own on any Grafana', () => {
    expect(board.uid).to.equal('millrace');
    // A number would be that of the Grafana it was saved on.
    expect(board.id ?? null).to.equal(null);
    expect(board.schemaVersion).to.be.at.least(39);
  });

  it('asks the data source that was chosen', () => {
    expect(board.templating.list.map(({ name }) => name)).to.include.members(['datasource', 'job', 'stage']);
    const uids = board.panels.flatMap(({ datasource, targets = [] }) => [datasource?.uid ?? '${datasource}', ...targets.map((t) => t.datasource.uid)]);
    expect(new Set(uids)).to.deep.equal(new Set(['${datasource}']));
  });

  it('narrows every expression to the chosen jobs', () => {
    for (const { title, targets = [] } of board.panels) {
      for (const { expr } of targets) {
        const selectors = [...expr.matchAll(/\b(?:millrace|process|nodejs)_\w+(\{[^}]*\})?/g)].map(([, selector = '']) => selector);
        for (const selector of selectors) expect(selector, title).to.include('job=~"$job"');
      }
    }
  });

  it('explains every panel, and gives each a number of its own', () => {
    const panels = board.panels.filter(({ type }) => type !== 'row');
    expect(panels).to.have.lengthOf.above(20);
    for (const { title, description } of panels) expect(description, title).to.be.a('string').with.lengthOf.above(15);
    expect(new Set(board.panels.map(({ id }) => id)).size).to.equal(board.panels.length);
  });

  it('lays no panel over another', () => {
    const taken = new Set<string>();
    for (const { title, gridPos: { x, y, w, h } } of board.panels) {
      expect(x + w, title).to.be.at.most(24);
      for (let cx = x; cx < x + w; cx += 1) {
        for (let cy = y; cy < y + h; cy += 1) {
          expect(taken.has(`${cx} ${cy}`), title).to.equal(false);
          taken.add(`${cx} ${cy}`);
        }
      }
    }
  });
});

describe('what Grafana is provisioned with', () => {
  it('is the Prometheus that the dashboard chooses by itself', async () => {
    const { datasources } = await provisioned<{ datasources: { uid: string; type: string; url: string; isDefault: boolean }[] }>('datasources', 'prometheus.yml');
    expect(datasources).to.have.lengthOf(1);
    expect(datasources[0]).to.deep.include({ uid: 'prometheus', type: 'prometheus', isDefault: true });
    const [variable] = (await dashboard()).templating.list as unknown as readonly { current: { value: string } }[];
    expect(variable!.current.value).to.equal(datasources[0]!.uid);
  });

  it('finds dashboards in a folder', async () => {
    const { providers } = await provisioned<{ providers: { type: string; options: { path: string } }[] }>('dashboards', 'millrace.yml');
    expect(providers.map(({ type, options }) => [type, options.path])).to.deep.equal([['file', '/var/lib/grafana/dashboards']]);
  });
});
