import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { artifactFile } from '../artifacts.ts';
import { digest, installed, type InstallContext } from '../cache.ts';
import { runCommand } from '../command.ts';
import { httpProbe } from '../probe.ts';
import type { Service } from '../service.ts';
import { toolPath } from '../tools.ts';

/** The project that the emulator answers for. */
export const BIGQUERY_PROJECT = 'millrace-local';

const REQUIREMENTS = artifactFile('bigquery-requirements.txt');
const IMPORT_EXTENSIONS = "from duckdb_extensions import import_extension as i; [i(e) for e in ('icu', 'ducklake', 'spatial')]";

/** DuckDB keeps its extensions under the home folder; with one of its own nothing lands in the user's. */
const homeIn = (folder: string): string => join(folder, 'home');

const emulator = async (context: InstallContext): Promise<string> => {
  const python = await toolPath('python');
  const name = `bigquery-${digest(`${python}\n${await readFile(REQUIREMENTS, 'utf8')}`)}`;
  return installed(context, name, async (folder) => {
    const run = (file: string, args: readonly string[]): Promise<string> =>
      runCommand(file, args, { environment: { HOME: homeIn(folder) }, signal: context.signal });
    context.progress('creating a Python environment');
    await mkdir(homeIn(folder), { recursive: true });
    await run(python, ['-m', 'venv', folder]);
    const ownPython = join(folder, 'bin', 'python');
    context.progress('downloading Python packages');
    await run(ownPython, ['-m', 'pip', 'install', '-q', '--no-input', '--no-cache-dir', '--no-compile', '--disable-pip-version-check', '-r', REQUIREMENTS]);
    await run(ownPython, ['-c', IMPORT_EXTENSIONS]);
  });
};

/** A stand-in for BigQuery's API: REST, and Storage Write over gRPC. */
export const bigquery: Service = {
  name: 'bigquery',
  ports: { rest: 9050, grpc: 9060 },
  after: [],
  readyTimeoutMs: 90_000,
  stopSignal: 'SIGTERM',

  async install(context) {
    await emulator(context);
  },

  async launch(context) {
    const folder = await emulator(context);
    const args = [
      '-c',
      // The environment was renamed after it was made, so the script that pip wrote into it names another Python.
      'import sys; from local_bigquery.cli import main; sys.exit(main())',
      ...['--host', '127.0.0.1', '--port', String(context.port('bigquery', 'rest')), '--grpc-port', String(context.port('bigquery', 'grpc'))],
      ...['--project', BIGQUERY_PROJECT, '--data-dir', context.dataDir],
    ];
    return { file: join(folder, 'bin', 'python'), args, environment: { HOME: homeIn(folder) }, folder: context.dataDir };
  },

  probe: (context) => httpProbe(`http://127.0.0.1:${context.port('bigquery', 'rest')}/bigquery/v2/projects/${BIGQUERY_PROJECT}/datasets`),
};
