/**
 * Builds what is published, in `dist/package` or the folder that is named: compiled JavaScript with types, and a manifest of
 * its own whose exports name them, as the repository's manifest names the sources. `npm run package` packs it too.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

interface Manifest {
  readonly exports: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

const ROOT = join(import.meta.dirname, '..');
const FOLDER = resolve(process.argv[2] ?? join(ROOT, 'dist', 'package'));
/** What the manifest of the package takes over as it is. */
const FIELDS = ['name', 'version', 'description', 'license', 'type', 'engines', 'bin', 'dependencies'];
/** What runs or is read as it lies in the repository. */
const COPIED = ['bin/millrace.mjs', 'bin/hand-over.mjs', 'lib/stack/artifacts', 'lib/stack/requirements.mjs', 'lib/stack/requirements.d.mts'];
/** The texts about the package, by what they are called in it: the repository's README tells of much that is not there. */
const TEXTS: Readonly<Record<string, string>> = { 'README.md': 'docs/PACKAGE.md', LICENSE: 'LICENSE' };

const compiled = (source: string): { readonly types: string; readonly default: string } => ({
  types: source.replace(/\.ts$/, '.d.ts'),
  default: source.replace(/\.ts$/, '.js'),
});

const manifestOf = (source: Manifest): object => ({
  ...Object.fromEntries(FIELDS.map((field) => [field, source[field]])),
  exports: { ...Object.fromEntries(Object.entries(source.exports).map(([door, file]) => [door, compiled(file)])), './package.json': './package.json' },
  sideEffects: false,
});

const run = promisify(execFile);

await rm(FOLDER, { recursive: true, force: true });
await mkdir(FOLDER, { recursive: true });
try {
  await run(process.execPath, [join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', join(ROOT, 'tsconfig.build.json'), '--outDir', FOLDER], { cwd: ROOT });
} catch (error) {
  process.stderr.write((error as { readonly stdout?: string }).stdout ?? '');
  throw error;
}
for (const name of COPIED) await cp(join(ROOT, name), join(FOLDER, name), { recursive: true });
for (const [name, source] of Object.entries(TEXTS)) {
  // Where an image is built from the code alone they are absent.
  if (existsSync(join(ROOT, source))) await cp(join(ROOT, source), join(FOLDER, name));
}
await chmod(join(FOLDER, 'bin', 'millrace.mjs'), 0o755);
const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as Manifest;
await writeFile(join(FOLDER, 'package.json'), `${JSON.stringify(manifestOf(manifest), null, 2)}\n`);
