import { spawn } from 'node:child_process';
import type { OsUser } from './process.ts';

export interface CommandOptions {
  readonly folder?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly user?: OsUser;
  readonly signal?: AbortSignal;
}

const KEPT_OUTPUT_CHARS = 20_000;
const SHOWN_LINES = 15;

/**
 * Runs a command to its end. Nothing reaches this process's own output.
 * @returns its stdout (the last part when it is very long)
 * @throws with the last lines of its output when it fails
 */
export const runCommand = (file: string, args: readonly string[], options: CommandOptions = {}): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(file, [...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.environment },
      ...(options.folder === undefined ? {} : { cwd: options.folder }),
      ...(options.user === undefined ? {} : { uid: options.user.uid, gid: options.user.gid }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    let output = '';
    let both = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-KEPT_OUTPUT_CHARS);
      both = (both + text).slice(-KEPT_OUTPUT_CHARS);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      both = (both + text).slice(-KEPT_OUTPUT_CHARS);
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${file} ${args[0] ?? ''} failed (${signal ?? `exit code ${code}`}):\n${lastLines(both, SHOWN_LINES)}`));
    });
  });

/** The last lines of a text, empty ones left out. */
export const lastLines = (text: string, count: number): string =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-count)
    .join('\n');
