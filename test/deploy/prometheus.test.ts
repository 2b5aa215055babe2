import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { runCommand } from '../../lib/stack/command.ts';
import { metricDefinitions } from '../../lib/server/index.ts';
import { alertExpressions, alertRules, dashboardExpressions, findPrometheus, metricsIn, PROMETHEUS_FOLDER, type PrometheusTools } from './prometheus.ts';

const ALERT_TESTS = join(import.meta.dirname, 'alerts.promtool.yml');

/** The series that a metric of ours has. */
const seriesNames = new Set(metricDefinitions.flatMap(({ name, type }) => (type === 'histogram' ? ['_bucket', '_sum', '_count'].map((suffix) => `${name}${suffix}`) : [name])));

describe('the alerts', () => {
  it('name metrics that workers have, as does the dashboard', async () => {
    const expressions = [...(await alertExpressions()), ...(await dashboardExpressions())];
    expect(expressions).to.have.lengthOf.above(40);
    for (const { of, expr } of expressions) {
      const names = metricsIn(expr);
      expect(names, of).to.have.lengthOf.above(0);
      for (const name of names.filter((n) => n.startsWith('millrace_'))) expect(seriesNames, `${of}: ${name}`).to.include(name);
    }
  });

  it('wait before they fire, say how urgent they are and what to do', async () => {
    for (const { alert, labels, annotations, ...rule } of await alertRules()) {
      expect(rule.for, alert).to.match(/^\d+m$/);
      expect(labels?.['severity'], alert).to.be.oneOf(['page', 'warning']);
      expect(annotations?.['summary'], alert).to.be.a('string').with.lengthOf.within(10, 120);
      expect(annotations?.['runbook'], alert).to.be.a('string').with.lengthOf.above(80);
    }
  });

  it('are each tried in the rules\' tests', async () => {
    const text = await readFile(ALERT_TESTS, 'utf8');
    for (const { alert } of await alertRules()) expect(text).to.include(`alertname="${alert}"`);
  });
});

describe('promtool', function () {
  this.timeout(100_000);
  let tools: PrometheusTools;
  before(async function () {
    const found = await findPrometheus();
    if (typeof found === 'string') {
      process.stderr.write(`skipped: ${found}\n`);
      this.skip();
    }
    tools = found;
  });

  const cases: readonly (readonly [what: string, args: readonly string[]])[] = [
    ['accepts the configuration', ['check', 'config', join(PROMETHEUS_FOLDER, 'prometheus.yml')]],
    ['accepts the rules', ['check', 'rules', '--lint-fatal', join(PROMETHEUS_FOLDER, 'alerts.yml')]],
    ['sees the rules fire and keep still as they should', ['test', 'rules', ALERT_TESTS]],
  ];
  for (const [what, args] of cases) it(what, () => runCommand(tools.promtool, args).then(() => undefined));
});
