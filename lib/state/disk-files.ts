/** The files of one task's state, as far as they can be judged without opening them: what is broken in them can end the process that opens it. */
import { closeSync, existsSync, openSync, readFileSync, readSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';

const DATA_FILE = 'data.mdb';
/** How many processes in a row had the files open and ended before a commit. */
const OPENINGS_FILE = 'openings';
/** That often somebody may have killed them; more often they have probably died of the files, in which LMDB may end its process. */
const MOST_OPENINGS = 5;

const MAGIC = 0xbeefc0de;
/** Another one LMDB would refuse, and not always survive that. */
const DATA_VERSION = 2;
/** Layout of LMDB's meta pages, format 2: a header, then magic, version, address, map size, two trees of 48 bytes each, last page, transaction. */
const META_BYTES = 24 + 24 + 2 * 48 + 16;
const META_PAGES = 2;

/** The machine's start, where it can be told: after another one nothing is known of what reached the disk. */
export const bootId = (): string | null => {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return null;
  }
};

export const dataBytes = (folder: string): number => statSync(join(folder, DATA_FILE)).size;

/** LMDB may leave out last pages that are free; then one could not tell a file that was cut off. */
export const fillUp = (folder: string, bytes: number): void => {
  if (dataBytes(folder) < bytes) truncateSync(join(folder, DATA_FILE), bytes);
};

/** Waits until everything written so far is on the disk itself. */
export const flush = async (folder: string): Promise<void> => {
  const file = await open(join(folder, DATA_FILE), 'r+');
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
};

export const removeFiles = (folder: string): void => rmSync(folder, { recursive: true, force: true });

const openings = (folder: string): number => {
  try {
    return Number(readFileSync(join(folder, OPENINGS_FILE), 'utf8')) || 0;
  } catch {
    return 0;
  }
};

export const countOpening = (folder: string): void => writeFileSync(join(folder, OPENINGS_FILE), String(openings(folder) + 1));

/** The files have carried a commit, or were closed. */
export const forgetOpenings = (folder: string): void => rmSync(join(folder, OPENINGS_FILE), { force: true });

/** Why the files must not be opened; null when nothing speaks against it, or when there are none. */
export const brokenFiles = (folder: string): string | null => {
  const path = join(folder, DATA_FILE);
  if (!existsSync(path)) return null;
  if (openings(folder) >= MOST_OPENINGS) return `${MOST_OPENINGS} processes in a row ended with it open, before a commit`;
  const file = openSync(path, 'r');
  try {
    return brokenMeta(file, statSync(path).size);
  } finally {
    closeSync(file);
  }
};

const brokenMeta = (file: number, size: number): string | null => {
  let pageBytes = 4_096;
  let newest = { transaction: -1, lastPage: 0 };
  for (let page = 0; page < META_PAGES; page += 1) {
    const bytes = Buffer.alloc(META_BYTES);
    if (readSync(file, bytes, 0, META_BYTES, page * pageBytes) < META_BYTES) return 'its file is cut off';
    const at = metaAt(bytes);
    if (at === null) return 'its first pages are not what they must be';
    if (bytes.readUInt16LE(at + 4) !== DATA_VERSION) return 'it was written by another version of its library';
    if (page === 0) pageBytes = bytes.readUInt32LE(at + 24);
    const tail = at + 24 + 2 * 48;
    const transaction = Number(bytes.readBigUInt64LE(tail + 8));
    if (transaction > newest.transaction) newest = { transaction, lastPage: Number(bytes.readBigUInt64LE(tail)) };
  }
  return size < (newest.lastPage + 1) * pageBytes ? 'its file is cut off' : null;
};

/** Where the meta begins in its page: the header's length differs between versions of LMDB. */
const metaAt = (bytes: Buffer): number | null => [16, 24].find((at) => bytes.readUInt32LE(at) === MAGIC) ?? null;
