/**
 * Finds the programs that the local stack needs but does not install itself. Plain JavaScript without dependencies:
 * it also runs before anything is installed, on Node 20.
 */
import { execFile } from 'node:child_process';
import { accessSync, constants, readdirSync, realpathSync, statSync } from 'node:fs';
import { homedir, platform } from 'node:os';
import { delimiter, join } from 'node:path';

const PROBE_TIMEOUT_MS = 20_000;
const MIN_JAVA = 17;
const MIN_POSTGRES = 15;
const MIN_PYTHON_MINOR = 13;

/** @param {string} file */
const isExecutable = (file) => {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
};

/** @param {string} name @param {NodeJS.ProcessEnv} env */
export const onPath = (name, env = process.env) =>
  (env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isExecutable);

/** Output of a short command (stdout and stderr together), or undefined when it cannot run or fails. */
const outputOf = (file, args, env) =>
  new Promise((resolve) => {
    execFile(file, args, { env, timeout: PROBE_TIMEOUT_MS }, (error, stdout, stderr) => {
      resolve(error === null ? `${stdout}${stderr}` : undefined);
    });
  });

const subfolders = (folder) => {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
};

const installCommand = (debian, mac, other) => {
  if (platform() === 'darwin') return mac;
  return onPath('apt-get') === undefined ? other : debian;
};

/** The first candidate whose version is recent enough. */
const firstRecent = async (candidates, version, minimum, env) => {
  const seen = [];
  for (const file of candidates) {
    if (file === undefined || !isExecutable(file)) continue;
    const found = await version(file, env);
    if (found !== undefined && found >= minimum) return { file, version: found, seen };
    if (found !== undefined) seen.push(`${file} is version ${found}`);
  }
  return { file: undefined, version: undefined, seen };
};

const javaMajor = async (file, env) => {
  const match = /version "(\d+)(?:\.(\d+))?/.exec((await outputOf(file, ['-version'], env)) ?? '');
  if (match === null) return undefined;
  return Number(match[1] === '1' ? match[2] : match[1]);
};

const pythonMinor = async (file, env) => {
  const match = /^3 (\d+)$/m.exec((await outputOf(file, ['-c', 'import sys, venv; print(*sys.version_info[:2])'], env)) ?? '');
  return match === null ? undefined : Number(match[1]);
};

const postgresMajor = async (file, env) => {
  const match = /PostgreSQL\) (\d+)/.exec((await outputOf(file, ['--version'], env)) ?? '');
  return match === null ? undefined : Number(match[1]);
};

const missing = (what, seen, variable, command) => ({
  problem: `${what} is missing${seen.length === 0 ? '' : ` (${seen.join('; ')})`}. Install it with: ${command}` + (variable === '' ? '' : ` (or name it in ${variable})`),
});

const findJava = async (env) => {
  const candidates = [env.MILLRACE_JAVA, env.JAVA_HOME === undefined ? undefined : join(env.JAVA_HOME, 'bin', 'java'), onPath('java', env)];
  const found = await firstRecent(candidates, javaMajor, MIN_JAVA, env);
  if (found.file !== undefined) return { file: found.file };
  const command = installCommand('apt-get install -y openjdk-17-jre-headless', 'brew install openjdk@17', 'the package manager of this system (OpenJDK 17 or newer)');
  return missing(`Java >= ${MIN_JAVA}`, found.seen, 'MILLRACE_JAVA', command);
};

const findMaven = async (env) => {
  const file = onPath('mvn', env);
  if (file !== undefined) return { file };
  return missing('Maven (mvn)', [], '', installCommand('apt-get install -y maven', 'brew install maven', 'the package manager of this system (Maven 3.6 or newer)'));
};

const findPostgres = async (env) => {
  const packaged = subfolders('/usr/lib/postgresql')
    .map(Number)
    .filter((major) => major >= MIN_POSTGRES)
    .sort((a, b) => b - a)
    .map((major) => `/usr/lib/postgresql/${major}/bin/postgres`);
  const named = env.MILLRACE_PG_BIN === undefined ? undefined : join(env.MILLRACE_PG_BIN, 'postgres');
  const candidates = [named, onPath('postgres', env), ...packaged].filter((file) => file !== undefined && isExecutable(siblingOf(file, 'initdb')));
  const found = await firstRecent(candidates, postgresMajor, MIN_POSTGRES, env);
  if (found.file !== undefined) return { file: found.file };
  const command = installCommand('apt-get install -y postgresql', 'brew install postgresql@17', 'the package manager of this system (the PostgreSQL server, 15 or newer)');
  return missing(`PostgreSQL >= ${MIN_POSTGRES} (initdb and postgres)`, found.seen, 'MILLRACE_PG_BIN', command);
};

/** A program beside another one, links resolved: Debian and Homebrew link single programs of a version onto the path. */
export const siblingOf = (file, name) => {
  try {
    return join(realpathSync(file), '..', name);
  } catch {
    return join(file, '..', name);
  }
};

const findPython = async (env) => {
  const pyenvVersions = join(env.PYENV_ROOT ?? join(homedir(), '.pyenv'), 'versions');
  const pyenv = subfolders(pyenvVersions)
    .filter((name) => /^3\.(1[3-9]|[2-9]\d)/.test(name))
    .sort()
    .map((name) => join(pyenvVersions, name, 'bin', 'python3'));
  const candidates = [env.MILLRACE_PYTHON, onPath('python3.13', env), onPath('python3.14', env), onPath('python3', env), ...pyenv];
  const found = await firstRecent(candidates, pythonMinor, MIN_PYTHON_MINOR, env);
  if (found.file !== undefined) return { file: found.file };
  const command = onPath('pyenv', env) === undefined && platform() === 'darwin' ? 'brew install python@3.13' : onPath('pyenv', env) === undefined ? 'apt-get install -y python3.13 python3.13-venv (Debian 13, Ubuntu 25.04 or newer; elsewhere with pyenv: pyenv install 3.13)' : 'pyenv install 3.13';
  return missing(`Python >= 3.${MIN_PYTHON_MINOR} with venv`, found.seen, 'MILLRACE_PYTHON', command);
};

const FINDERS = { java: findJava, maven: findMaven, postgres: findPostgres, python: findPython };

/**
 * Looks for all tools named. Nothing is installed or changed.
 * @returns where each one is, and one sentence for each that is missing
 */
export const findTools = async (names, env = process.env) => {
  const results = await Promise.all(names.map(async (name) => [name, await FINDERS[name](env)]));
  return {
    tools: Object.fromEntries(results.filter(([, found]) => 'file' in found).map(([name, found]) => [name, found.file])),
    problems: results.filter(([, found]) => 'problem' in found).map(([, found]) => found.problem),
  };
};

/** What the whole stack needs. */
export const STACK_TOOLS = Object.freeze(['java', 'maven', 'postgres', 'python']);
