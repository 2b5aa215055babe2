import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { definitions } from '../../lib/core/config.ts';

const ROOT = join(import.meta.dirname, '..', '..');

interface Setting {
  readonly name: string;
  readonly value: string;
  readonly about: string;
}

const settingsIn = (text: string): Setting[] => {
  const lines = text.split('\n');
  return lines.flatMap((line, i) => {
    const match = /^#?([A-Z][A-Z0-9_]*)=(.*)$/.exec(line);
    return match === null ? [] : [{ name: match[1]!, value: match[2]!, about: (lines[i - 1] ?? '').replace(/^# /, '') }];
  });
};

describe('.env.example', () => {
  let settings: readonly Setting[] = [];
  before(async () => {
    settings = settingsIn(await readFile(join(ROOT, '.env.example'), 'utf8'));
  });

  it('has every setting of the runtime with its default and its line of explanation', () => {
    for (const { variable, fallback, about } of Object.values(definitions)) {
      expect(settings.find(({ name }) => name === variable), `${variable}: the lines should be "# ${about}" and "${variable}=${fallback}"`)
        .to.deep.equal({ name: variable, value: fallback, about });
    }
  });

  it('names every variable that connectors and examples ask for', async () => {
    const connectors = await readdir(join(ROOT, 'connectors'));
    const examples = (await readdir(join(ROOT, 'examples'), { recursive: true })).filter((file) => file.endsWith('topology.ts'));
    const files = [...connectors.map((file) => join('connectors', file)), ...examples.map((file) => join('examples', file))];
    for (const file of files) {
      const text = await readFile(join(ROOT, file), 'utf8');
      const asked = [...text.matchAll(/\$\{env:(\w+)\}|(?:env|secret)\('(\w+)'/g)].map((m) => m[1] ?? m[2]!);
      for (const name of asked) expect(settings.map((s) => s.name), `${name} of ${file}`).to.include(name);
    }
  });

  it('explains every setting in one line and has each once', () => {
    expect(new Set(settings.map((s) => s.name)).size).to.equal(settings.length);
    for (const { name, about } of settings) expect(about.length, name).to.be.greaterThan(10);
  });

  it('holds no secret', () => {
    for (const { name, value } of settings.filter((s) => /PASSWORD|TOKEN|SECRET/.test(s.name))) expect(value, name).to.equal('');
  });
});
