#!/usr/bin/env node
// In the repository the command line is TypeScript as it is, which Node runs from 22.18 on (on an older one the Node of the
// repository is used); where the package is installed it is compiled.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { handOver } from './hand-over.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = join(root, 'lib', 'cli', 'main.ts');
const main = existsSync(sources) ? sources : join(root, 'lib', 'cli', 'main.js');
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const ownNode = join(root, 'node_modules', '.bin', 'node');

if (major > 22 || (major === 22 && minor >= 18)) {
  const { main: run } = await import(pathToFileURL(main).href);
  process.exitCode = await run(process.argv.slice(2));
} else if (existsSync(ownNode)) {
  process.exitCode = await handOver(ownNode, [fileURLToPath(import.meta.url), ...process.argv.slice(2)]);
} else {
  process.stderr.write(`millrace: Node ${process.versions.node} is too old: install Node 22.18 or newer\n`);
  process.exitCode = 2;
}
