import { spawn } from 'node:child_process';

export interface CommandOptions {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs: number;
  /** Called with each line of stdout as it comes. */
  readonly onLine?: (line: string) => void;
}

export interface CommandResult {
  /** Null when it was killed for being late. */
  readonly code: number | null;
  readonly stdout: string;
  /** Its last part. */
  readonly stderr: string;
}

const KEPT_STDERR = 4_000;

/** Runs a program to its end; kills it, and what it has started, when that is late. Rejects when it cannot be started. */
export const runCommand = (file: string, args: readonly string[], options: CommandOptions): Promise<CommandResult> =>
  new Promise((resolve, reject) => {
    const child = spawn(file, args, { env: { ...process.env, ...options.environment }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let stdout = '';
    let stderr = '';
    let rest = '';
    const killGroup = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    };
    const timer = setTimeout(killGroup, options.timeoutMs);
    process.once('exit', killGroup);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      const lines = `${rest}${text}`.split('\n');
      rest = lines.pop()!;
      for (const line of lines) options.onLine?.(line);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = `${stderr}${text}`.slice(-KEPT_STDERR);
    });
    child.once('error', (error) => {
      clearTimeout(timer);
      process.off('exit', killGroup);
      reject(error);
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      process.off('exit', killGroup);
      resolve({ code, stdout, stderr });
    });
  });

/** The version that a program prints, or null where there is no such program. */
export const versionOf = async (file: string, ...args: readonly string[]): Promise<string | null> => {
  try {
    const { code, stdout, stderr } = await runCommand(file, args, { timeoutMs: 20_000 });
    const text = `${stdout}${stderr}`.trim();
    return code === 0 ? (/\d+(\.\d+)+/.exec(text)?.[0] ?? text) : null;
  } catch {
    return null;
  }
};
