import type { Command } from 'commander';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');
const CLI = join(ROOT, 'lib', 'cli');
const SECRET = 's3cretpw';

/** Every variable that the sources name, but the folder of the stack, which help shows. */
const variables = (): readonly string[] => {
  const files = readdirSync(join(ROOT, 'lib'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const names = files.flatMap((name) => readFileSync(join(ROOT, 'lib', name), 'utf8').match(/\bMILLRACE_[A-Z_]*[A-Z]\b/g) ?? []);
  return [...new Set(names)].filter((name) => name !== 'MILLRACE_DIR');
};

const helpOf = (command: Command, above: readonly string[] = []): readonly (readonly [name: string, text: string])[] => {
  const name = [...above, command.name()];
  let text = '';
  command.configureOutput({ writeOut: (part) => void (text += part) }).outputHelp();
  return [[name.join(' '), text], ...command.commands.flatMap((each) => helpOf(each, name))];
};

describe('the help of the commands', () => {
  const before = { ...process.env };

  beforeEach(() => {
    for (const name of variables()) process.env[name] = `http://user:${SECRET}@127.0.0.1:9`;
  });

  afterEach(() => {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
  });

  it('shows nothing of the environment, where passwords stand', async () => {
    const modules = readdirSync(CLI).filter((name) => name.endsWith('.ts') && /^export const command\b/m.test(readFileSync(join(CLI, name), 'utf8')));
    const helps: (readonly [name: string, text: string])[] = [];
    for (const name of modules) helps.push(...helpOf(((await import(join(CLI, name))) as { command(): Command }).command()));
    const names = helps.map(([name]) => name);
    expect(names).to.include.members(['start', 'run', 'reset', 'backfill', 'snapshot', 'resync', 'connectors status', 'connectors apply', 'schemas push']);
    for (const [name, text] of helps) expect(text, name).to.match(new RegExp(`^Usage: ${name}\\b`)).and.not.contain(SECRET);
    expect(variables()).to.include.members(['MILLRACE_CONNECT_URL', 'MILLRACE_PG_URL', 'MILLRACE_REGISTRY_URL', 'MILLRACE_REDIS_URL', 'MILLRACE_SLOTS_URL']);
  });
});
