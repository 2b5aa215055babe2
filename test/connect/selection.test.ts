import { expect } from 'chai';
import { describe, it } from 'mocha';
import { isCompacted, isReadable, matches, patternsOf, plainName, selects, topicOf } from '../../lib/connect/selection.ts';

describe('the tables that a configuration chooses', () => {
  const cases: readonly (readonly [what: string, config: Readonly<Record<string, string>>, name: string, chosen: boolean])[] = [
    ['all without a list', {}, 'public.content', true],
    ['those of a list', { 'table.include.list': 'public.users, public.content' }, 'public.content', true],
    ['none beside the list', { 'table.include.list': 'public.users' }, 'public.content', false],
    ['those of a pattern with a comma', { 'table.include.list': 'public\\.odd\\,name' }, 'public.odd,name', true],
    ['none by a part of such a pattern', { 'table.include.list': 'shop\\.odd\\,public.name' }, 'public.name', false],
    ['none that is left out', { 'table.exclude.list': 'public.content' }, 'public.content', false],
    ['those of a schema', { 'schema.include.list': 'public' }, 'public.content', true],
    ['none of another schema, though the table is in the list', { 'schema.include.list': 'shop', 'table.include.list': 'public.content' }, 'public.content', false],
    ['none of a schema that is left out', { 'schema.exclude.list': 'pub.*' }, 'public.content', false],
    ['a name in other letters', { 'table.include.list': 'PUBLIC.Content' }, 'public.content', true],
  ];
  for (const [what, config, name, chosen] of cases) it(`are ${what}`, () => expect(selects(config, name)).to.equal(chosen));

  it('are told apart by commas that have no backslash in front', () => expect(patternsOf('a, b{1\\,2} ,,c')).to.deep.equal(['a', 'b{1\\,2}', 'c']));
  it('are names or patterns', () => expect(['public\\.content', 'public.content', 'public\\..*', 'a[bc]'].map(plainName)).to.deep.equal(['public.content', 'public.content', undefined, undefined]));
  it('match themselves when only Java knows the pattern', () => {
    expect(isReadable('(?i)x[')).to.equal(false);
    expect([matches('x[', 'x['), matches('x[', 'x')]).to.deep.equal([true, false]);
  });
  it('have topics with the characters that Kafka takes', () => expect(topicOf({ 'topic.prefix': 'my-app' }, 'shop.Order Items')).to.equal('my-app.shop.Order_Items'));
  it('have no compacted topics unless it is said', () => expect(isCompacted({ 'topic.creation.groups': 'a', 'topic.creation.a.include': '.*' }, 'x')).to.equal(false));
});
