import { expect } from 'chai';
import { describe, it } from 'mocha';
import { compactionProblems, converterProblems, settingNotes, settingProblems } from '../../lib/connect/check-file.ts';

const APICURIO = 'io.apicurio.registry.utils.converter.AvroConverter';
const COMPACTED = { 'topic.prefix': 'app', 'topic.creation.groups': 'tables', 'topic.creation.tables.include': 'app\\.public\\.content', 'topic.creation.tables.cleanup.policy': 'compact' };

type Config = Readonly<Record<string, string>>;

describe('a connector, seen from its file,', () => {
  it('names the plugin, because the default is not the one that PostgreSQL has', () => {
    expect(settingProblems({ 'plugin.name': 'pgoutput' })).to.deep.equal([]);
    expect(settingProblems({})).to.have.length(1);
    expect(settingProblems({})[0]).to.match(/^plugin\.name: it is not set, .* decoderbufs/);
  });

  it('has its own text for what is unavailable told to every stream', () => {
    expect(settingNotes({})).to.deep.equal([]);
    expect(settingNotes({ 'unavailable.value.placeholder': '__debezium_unavailable_value' })).to.deep.equal([]);
    expect(settingNotes({ 'unavailable.value.placeholder': 'gone' })).to.have.length(1);
    expect(settingNotes({ 'unavailable.value.placeholder': 'gone' })[0]).to.match(/^unavailable\.value\.placeholder: .*debezium\(row, \{ unavailable: "gone" \}\)/);
  });

  const flattened = { transforms: 'route, unwrap', 'transforms.unwrap.type': 'io.debezium.transforms.ExtractNewRecordState' };
  const truncates: readonly (readonly [what: string, config: Config, stops: boolean])[] = [
    ['skips them by default', COMPACTED, false],
    ['skips them', { ...COMPACTED, 'skipped.operations': 'u, t' }, false],
    ['skips nothing', { ...COMPACTED, 'skipped.operations': 'none' }, true],
    ['skips something else', { ...COMPACTED, 'skipped.operations': 'c' }, true],
    ['skips nothing, and has another topic compacted', { ...COMPACTED, 'skipped.operations': 'none', 'topic.creation.tables.include': 'app\\.public\\.others' }, false],
    ['skips nothing, and leaves that one out of what is compacted', { ...COMPACTED, 'skipped.operations': 'none', 'topic.creation.tables.exclude': 'app\\.public\\..*' }, false],
    ['skips nothing, and has every topic compacted and deleted', { 'topic.prefix': 'app', 'skipped.operations': 'none', 'topic.creation.default.cleanup.policy': 'delete, compact' }, true],
    ['skips nothing, and has it in a group before that is not compacted', { ...COMPACTED, 'skipped.operations': 'none', 'topic.creation.groups': 'first,tables', 'topic.creation.first.include': '.*' }, false],
    ['skips nothing, and flattens, which drops them', { ...COMPACTED, 'skipped.operations': 'none', ...flattened }, false],
  ];
  for (const [what, config, stops] of truncates) {
    it(`${stops ? 'is refused' : 'is taken'} for truncates when it ${what}`, () => {
      const problems = compactionProblems(config, ['public.content'], []);
      expect(problems).to.have.length(stops ? 1 : 0);
      if (stops) expect(problems[0]).to.match(/^skipped\.operations: a TRUNCATE of public\.content is a record without a key, which a compacted topic refuses.* millrace resync/);
    });
  }

  it('is refused when a table without a key has a compacted topic', () => {
    expect(compactionProblems(COMPACTED, ['public.content'], ['public.content'])).to.have.length(1);
    expect(compactionProblems(COMPACTED, ['public.content'], ['public.content'])[0]).to.match(/^topic\.creation: the records of public\.content have no key/);
    expect(compactionProblems({ ...COMPACTED, 'message.key.columns': 'public.content:slug' }, ['public.content'], ['public.content'])).to.deep.equal([]);
    expect(compactionProblems({ 'topic.prefix': 'app' }, ['public.content'], ['public.content'])).to.deep.equal([]);
  });

  const right = { 'as-confluent': 'true', 'headers.enabled': 'false', 'use-id': 'contentId', 'auto-register': 'true' };
  const converter = (side: string, settings: Config): Config => ({ [`${side}.converter`]: APICURIO, ...Object.fromEntries(Object.entries(settings).map(([key, value]) => [`${side}.converter.apicurio.registry.${key}`, value])) });
  const { 'use-id': _, ...noId } = right;
  const { 'as-confluent': __, ...noConfluent } = right;
  const { 'auto-register': ___, ...noRegister } = right;
  const lints: readonly (readonly [what: string, config: Config, problems: readonly RegExp[]])[] = [
    ['writes what every reader reads', { ...converter('key', right), ...converter('value', right) }, []],
    ['says globalId', converter('value', { ...right, 'use-id': 'globalId' }), [/^value\.converter\.apicurio\.registry\.use-id: it is not contentId: .* another schema, without a word/]],
    ['says no id, which is globalId', converter('key', noId), [/^key\.converter\.apicurio\.registry\.use-id: it is not contentId/]],
    ['writes ids of eight bytes', converter('value', noConfluent), [/as-confluent: it is not true: its ids have eight bytes/]],
    ['writes the id into headers', converter('value', { ...right, 'headers.enabled': 'true' }), [/headers\.enabled: it is not false/]],
    ['writes by the latest schema', converter('value', { ...noRegister, 'find-latest': 'true' }), [/find-latest: without auto-register each record is written by the latest schema/]],
    ['has find-latest with auto-register, which goes first', converter('value', { ...right, 'find-latest': 'true' }), []],
    ['has another converter', { 'value.converter': 'x.Y' }, []],
    ['has that of its workers', {}, []],
  ];
  for (const [what, config, problems] of lints) {
    it(`is ${problems.length === 0 ? 'taken' : 'refused'} when its converter ${what}`, () => {
      const found = converterProblems(config);
      expect(found).to.have.length(problems.length);
      problems.forEach((problem, i) => expect(found[i]).to.match(problem));
    });
  }
});
