import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { verifyFile, verifyFolder, type InstallContext } from './cache.ts';
import { runCommand } from './command.ts';
import { withLock } from './lock.ts';
import { toolPath } from './tools.ts';

/** The newer versions of this plugin want the parent of every artefact's description, which not every repository has. */
const PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:2.8';
const QUEUE_TIMEOUT_MS = 600_000;

export interface Archive {
  /** group:artifact:version:type[:classifier] */
  readonly coordinates: string;
  readonly sha256: string;
}

/** One Maven at a time: its local repository does not bear two that fetch the same thing. */
const maven = async (context: InstallContext, args: readonly string[]): Promise<void> => {
  const file = await toolPath('maven');
  const lock = { timeoutMs: QUEUE_TIMEOUT_MS, signal: context.signal };
  await withLock(join(context.cache, 'maven.lock'), lock, () => runCommand(file, ['-q', '-B', ...args], { folder: context.cache, signal: context.signal }));
};

/** Fetches an archive, checks it and unpacks it into `folder`. */
export const unpackArchive = async (context: InstallContext, archive: Archive, folder: string): Promise<void> => {
  const download = `${folder}.download`;
  await rm(download, { recursive: true, force: true });
  await mkdir(download, { recursive: true });
  try {
    context.progress(`downloading ${archive.coordinates}`);
    await maven(context, [`${PLUGIN}:copy`, `-Dartifact=${archive.coordinates}`, `-DoutputDirectory=${download}`]);
    const [name] = await readdir(download);
    if (name === undefined) throw new Error(`Maven gave no file for ${archive.coordinates}`);
    await verifyFile(join(download, name), archive.sha256);
    context.progress('unpacking');
    await mkdir(folder, { recursive: true });
    await runCommand('tar', ['-xzf', join(download, name), '-C', folder], { signal: context.signal });
  } finally {
    await rm(download, { recursive: true, force: true });
  }
};

/** Copies all jars that a pom asks for, directly or not, and checks them against a list in the form of sha256sum. */
export const copyJars = async (context: InstallContext, pom: string, listFile: string, folder: string): Promise<void> => {
  context.progress('downloading jars');
  await maven(context, ['-f', pom, `${PLUGIN}:copy-dependencies`, `-DoutputDirectory=${folder}`]);
  await verifyFolder(folder, listFile);
};
