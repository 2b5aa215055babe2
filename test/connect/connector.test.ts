import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError } from '../../lib/core/errors.ts';
import { loadConnectors, parseConnector } from '../../lib/connect/index.ts';

const problemsOf = (task: () => unknown): readonly string[] => {
  try {
    task();
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  return [];
};

const WANTED = { name: 'orders', 'connector.class': 'x.Y', 'tasks.max': '1', 'tombstones.on.delete': 'true', 'database.password': '${env:PGPASSWORD}' };

describe('connector files', () => {
  const forms: Record<string, unknown> = {
    'name and config': { name: 'orders', config: { 'connector.class': 'x.Y', 'tasks.max': 1, 'tombstones.on.delete': true, 'database.password': '${env:PGPASSWORD}' } },
    'name and config, the name in both': { name: 'orders', config: WANTED },
    'the flat map with its name': WANTED,
    'the flat map named by its file': { 'connector.class': 'x.Y', 'tasks.max': '1', 'tombstones.on.delete': true, 'database.password': '${env:PGPASSWORD}' },
  };
  for (const [form, json] of Object.entries(forms)) {
    it(`come as ${form}`, () => {
      const file = join('connectors', 'orders.json');
      expect(parseConnector(JSON.stringify(json), file)).to.deep.equal({ name: 'orders', config: WANTED, file });
    });
  }

  const wrong: readonly (readonly [string, string, readonly RegExp[]])[] = [
    ['that are no JSON', '{', [/^f\.json: not JSON/]],
    ['that are a list', '[]', [/^f\.json: a connector is a JSON object$/]],
    ['whose config is a text', '{"name":"a","config":"b"}', [/^f\.json: config is not an object$/]],
    ['without a name beside config', '{"config":{"connector.class":"x"}}', [/^f\.json: name is missing$/]],
    ['with two names', '{"name":"a","config":{"name":"b","connector.class":"x"}}', [/^f\.json: name is "a" outside of config and "b" in it$/]],
    ['with a key that stands there twice', '{"connector.class":"x","a":"1","b":{"a":1},"a":"2"}', [/^f\.json: a stands there twice$/, /: b is neither/]],
    ['with keys that stand there twice, also beside config and spelt otherwise', '{"name" : "a","config":{"connector.class":"x","t":"\\"t\\":","\\u0074" :1,"name":"a"},\n"name":"a"}', [/^f\.json: t stands there twice$/, /^f\.json: name stands there twice$/]],
    [
      'with several problems',
      '{"name":"a","tasks":[],"config":{"a":null,"b":{}}}',
      [/connector\.class is missing/, /: a is neither/, /: b is neither/, /: tasks is not known/],
    ],
  ];
  for (const [what, text, expected] of wrong) {
    it(`are refused ${what}`, () => {
      const problems = problemsOf(() => parseConnector(text, 'f.json'));
      expect(problems).to.have.length(expected.length);
      expected.forEach((pattern, index) => expect(problems[index]).to.match(pattern));
    });
  }

  const broken: readonly (readonly [text: string, problem: string])[] = [
    ['{"a":1,\n"database.password": hunter22,\n "bbbbbbbbbbbbbbb":1}', "f.json: not JSON: Unexpected token 'h' (line 2)"],
    ['{"p":\n hunter22,\n "bbbbbbbbbbbbbbbbbbbbbb":1,\n"c":2}', "f.json: not JSON: Unexpected token 'h' (line 2)"],
    ['{"password": hunter22}', "f.json: not JSON: Unexpected token 'h' (line 1)"],
    ['{"a": hunter22}', "f.json: not JSON: Unexpected token 'h'"],
    ['{"password": "hunter22" x}', "f.json: not JSON: Expected ',' or '}' after property value in JSON at position 24 (line 1 column 25)"],
  ];
  for (const [text, problem] of broken) {
    it(`are refused without what stands in them: ${problem}`, () => expect(problemsOf(() => parseConnector(text, 'f.json'))).to.deep.equal([problem]));
  }

  describe('in folders', () => {
    let folder: string;

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'millrace-connectors-'));
    });

    afterEach(() => rm(folder, { recursive: true }));

    it('are read in the order of their names, other files left out', async () => {
      for (const name of ['b', 'a']) await writeFile(join(folder, `${name}.json`), '{"connector.class":"x"}');
      await writeFile(join(folder, 'README.md'), 'no connector');
      expect((await loadConnectors([folder])).map((connector) => connector.name)).to.deep.equal(['a', 'b']);
    });

    it('show the problems of all files at once', async () => {
      await writeFile(join(folder, 'a.json'), '{"name":"same","connector.class":"x"}');
      await writeFile(join(folder, 'b.json'), '{"name":"same","connector.class":"x"}');
      await writeFile(join(folder, 'c.json'), '{}');
      const error = await loadConnectors([folder, join(folder, 'absent')]).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect((error as ConfigurationError).problems).to.deep.equal([
        `${join(folder, 'b.json')}: ${join(folder, 'a.json')} has a connector same already`,
        `${join(folder, 'c.json')}: connector.class is missing`,
        `${join(folder, 'absent')}: there is no such file or folder`,
      ]);
    });
  });
});
