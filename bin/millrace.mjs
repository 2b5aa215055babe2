#!/usr/bin/env node
// The command line runs TypeScript as it is, which Node does from 22.18 on; on an older one the Node of this package is used.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { handOver } from './hand-over.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const main = join(root, 'lib', 'cli', 'main.ts');
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const ownNode = join(root, 'node_modules', '.bin', 'node');

if (major > 22 || (major === 22 && minor >= 18)) {
  const { main: run } = await import(pathToFileURL(main).href);
  process.exitCode = await run(process.argv.slice(2));
} else if (existsSync(ownNode)) {
  process.exitCode = await handOver(ownNode, [main, ...process.argv.slice(2)]);
} else {
  process.stderr.write(`millrace: Node ${process.versions.node} is too old: install Node 22.18 or newer, or run npm ci in ${root}\n`);
  process.exitCode = 2;
}
