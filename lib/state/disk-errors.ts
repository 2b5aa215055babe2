import { statfsSync } from 'node:fs';
import { ConfigurationError, messageOf, RejoinError, StopError } from '../core/errors.ts';

/** State on disk that is not what was written: it is thrown away and restored from its changelog when the task is opened again. */
export class CorruptStateError extends StopError {}

const NO_SPACE = [28, 'ENOSPC', 122, 'EDQUOT'];
const NOT_WRITABLE = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 13, 1, 30];

const codeOf = (thrown: unknown): string | number | undefined => (thrown as { readonly code?: string | number } | null)?.code;

const EIO = 5;
/** With less than this free, a failed write means a full disk. */
const LITTLE_BYTES = 16 * 1_048_576;

/** Whether a disk is full. LMDB says EIO when only a part of its pages could be written. */
export const isNoSpace = (thrown: unknown, folder: string): boolean => {
  const code = codeOf(thrown);
  if (code !== EIO) return NO_SPACE.includes(code!);
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize < LITTLE_BYTES;
  } catch {
    return false;
  }
};

/** What the file system says against the state folder as it was set. */
export const isNotWritable = (thrown: unknown): boolean => NOT_WRITABLE.includes(codeOf(thrown)!);

export const notWritable = (folder: string, cause: unknown): ConfigurationError =>
  new ConfigurationError([`the state folder ${folder} cannot be written (${messageOf(cause)}): give this user the right to write there, or set MILLRACE_STATE_DIR to another folder`], { cause });

/** A failed read or write of the files of a task, as what it means. LMDB's own faults have numbers. */
export const diskError = (thrown: unknown, folder: string): Error => {
  if (thrown instanceof StopError || thrown instanceof RejoinError || thrown instanceof ConfigurationError) return thrown;
  if (isNoSpace(thrown, folder)) {
    return new StopError(`there is no space left for the state in ${folder}; Kafka has everything, the state on disk stays behind it until there is room`, {
      cause: thrown, hint: 'Make room there, or set MILLRACE_STATE_DIR to a folder with more of it',
    });
  }
  if (isNotWritable(thrown)) return notWritable(folder, thrown);
  const code = codeOf(thrown);
  if (typeof code === 'number' || code === 'EIO') return new CorruptStateError(`the state in ${folder} cannot be read (${messageOf(thrown)})`, { cause: thrown });
  return thrown instanceof Error ? thrown : new Error(String(thrown));
};
