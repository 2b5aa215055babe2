import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** A name as a folder's name: no separator, nothing hidden, nothing that leads upwards. */
export const folderName = (name: string): string => encodeURIComponent(name).replace(/^\./, '%2E');

/** Where the state of one task lies in a worker's folder. */
export const taskFolder = (folder: string, stage: string, partition: number): string => join(folder, folderName(stage), String(partition));

/** The partition numbers of a stage whose state lies in a worker's folder, in order. What it is worth is known only when its task is opened. */
export const partitionsOnDisk = (folder: string, stage: string): readonly number[] => {
  try {
    return readdirSync(join(folder, folderName(stage))).filter((name) => /^\d+$/.test(name)).map(Number).toSorted((a, b) => a - b);
  } catch {
    return [];
  }
};
