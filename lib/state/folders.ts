import { readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A name as a folder's name: no separator, nothing hidden, nothing that leads upwards. */
export const folderName = (name: string): string => encodeURIComponent(name).replace(/^\./, '%2E');

/** Where the state of one task lies in a worker's folder. */
export const taskFolder = (folder: string, stage: string, partition: number): string => join(folder, folderName(stage), String(partition));

const PARTITION = /^\d+$/;

/** The partition numbers of a stage whose state lies in a worker's folder, in order. What it is worth is known only when its task is opened. */
export const partitionsOnDisk = (folder: string, stage: string): readonly number[] => partitionsIn(join(folder, folderName(stage)));

const partitionsIn = (stageFolder: string): readonly number[] => namesIn(stageFolder).filter((name) => PARTITION.test(name)).map(Number).toSorted((a, b) => a - b);

/** None where there is no such folder. */
const namesIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
};

/** Removes the state of tasks that were written to before that time only: they are elsewhere, or their stage is no more. Names them. */
export const removeUnused = (folder: string, sinceMs: number): readonly string[] => {
  const removed: string[] = [];
  for (const stage of namesIn(folder)) {
    const stageFolder = join(folder, stage);
    const unused = partitionsIn(stageFolder).filter((partition) => writtenMs(join(stageFolder, String(partition))) < sinceMs);
    for (const partition of unused) rmSync(join(stageFolder, String(partition)), { recursive: true });
    if (unused.length > 0 && namesIn(stageFolder).length === 0) rmdirSync(stageFolder);
    removed.push(...unused.map((partition) => `${decodeURIComponent(stage)}/${partition}`));
  }
  return removed;
};

const writtenMs = (taskFolder: string): number => Math.max(0, ...namesIn(taskFolder).map((name) => statSync(join(taskFolder, name)).mtimeMs));
