import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { withLock } from './lock.ts';

const INSTALL_TIMEOUT_MS = 900_000;

/** The folder of downloaded and unpacked programs, shared by all stacks of a user. */
export const cacheFolder = (environment: NodeJS.ProcessEnv = process.env): string =>
  environment.MILLRACE_CACHE ?? join(environment.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'millrace');

export interface InstallContext {
  readonly cache: string;
  readonly signal: AbortSignal;
  readonly progress: (message: string) => void;
}

/**
 * The folder of something installed once: `install` fills a temporary folder that then gets its name in one step, so
 * that no other process ever sees a half of it. Several processes may ask at the same time; one installs.
 */
export const installed = async (context: InstallContext, name: string, install: (folder: string) => Promise<void>): Promise<string> => {
  const folder = join(context.cache, name);
  if (existsSync(folder)) return folder;
  const running = installing.get(folder) ?? installLocked(context, folder, install).finally(() => installing.delete(folder));
  installing.set(folder, running);
  return running;
};

/** What this process installs at the moment, by folder. */
const installing = new Map<string, Promise<string>>();

const installLocked = async (context: InstallContext, folder: string, install: (folder: string) => Promise<void>): Promise<string> => {
  const lock = {
    timeoutMs: INSTALL_TIMEOUT_MS,
    signal: context.signal,
    onWait: (owner: number) => context.progress(`waiting for process ${owner}, which installs it`),
  };
  return withLock(`${folder}.lock`, lock, async () => {
    if (existsSync(folder)) return folder;
    const unfinished = `${folder}.unfinished`;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { recursive: true });
    await install(unfinished);
    await rename(unfinished, folder);
    return folder;
  });
};

export const sha256OfFile = async (file: string): Promise<string> => {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
};

/** A short digest that names a version of something. */
export const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);

/** @throws when the file's content is not the expected one */
export const verifyFile = async (file: string, sha256: string): Promise<void> => {
  const found = await sha256OfFile(file);
  if (found !== sha256) throw new Error(`${file} has SHA-256 ${found}, not ${sha256}: the download was changed or cut short`);
};

/** @throws when the folder's files are not exactly those of a list in the form of sha256sum */
export const verifyFolder = async (folder: string, listFile: string): Promise<void> => {
  const lines = (await readFile(listFile, 'utf8')).split('\n').filter((line) => line !== '');
  const expected = new Map(lines.map((line) => [line.slice(66).trim(), line.slice(0, 64)]));
  const problems: string[] = [];
  for (const name of await readdir(folder)) {
    const sha256 = expected.get(name);
    if (sha256 === undefined) problems.push(`${name} is not expected`);
    else if ((await sha256OfFile(join(folder, name))) !== sha256) problems.push(`${name} has another content`);
    expected.delete(name);
  }
  for (const name of expected.keys()) problems.push(`${name} is missing`);
  if (problems.length > 0) throw new Error(`The downloaded files are not the expected ones: ${problems.join(', ')}`);
};
