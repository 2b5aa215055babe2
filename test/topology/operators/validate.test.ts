import { expect } from 'chai';
import { describe, it } from 'mocha';
import { labelOf, redis, to, topology, TopologyError, validate } from 'millrace/topology';
import { expectIndependent, readings, type Reading } from './cases.ts';

const warm = (reading: Reading): boolean => (reading.celsius ?? 0) > 20;

describe('validate', () => {
  it('keeps its rules in the order written', () => {
    const { node } = readings.pipe(validate({ warm, measured: (reading) => reading.celsius !== null }));
    expect(node).to.include({ kind: 'validate', parent: readings.node });
    expect(labelOf(node)).to.equal('validate(warm, measured)');
  });

  it('does not change with the object it was given', () => {
    const rules = { warm };
    const { node } = readings.pipe(validate(rules));
    Object.assign(rules, { late: warm });
    expect(node).to.have.deep.property('rules', { warm });
    expect(node).to.have.property('rules').that.is.frozen;
  });

  it('refuses to have no rules, and a rule whose place its name would change', () => {
    const end = to('out', redis.hash({ key: 'k', fields: () => ({}) }));
    const build = () => topology('app', readings.pipe(validate({}), validate({ warm, 7: warm }), end));
    expect(build).to.throw(TopologyError).with.property('problems').that.deep.equals([
      'validate: rules has none (stream(readings) > keyBy > validate)',
      'validate(7, warm): rules: the name 7 is a number, which would lose its place in the order (stream(readings) > keyBy > validate > validate(7, warm))',
    ]);
  });

  it('makes a step of its own each time', () => expectIndependent(validate({ warm })));
});
