import { InvalidArgumentError, type Command } from 'commander';
import { existsSync } from 'node:fs';
import { ConfigurationError, MillraceError, messageOf } from '../core/errors.ts';
import { scrub } from '../core/logger.ts';

/** What a command's exit code says. A second signal that cuts a stop short gives 130 (SIGINT) or 143 (SIGTERM). */
export const EXIT = { done: 0, failed: 1, usage: 2, unhealthy: 3, interrupted: 130, terminated: 143 } as const;

/** Something does not run, or is not as it should be: exit code 3. The command has shown what. */
export class UnhealthyError extends Error {}

/** Ends a command's `--help`. */
export const exitCodes = (...lines: readonly string[]): string => `\nExit codes:\n${lines.map((line) => `  ${line}\n`).join('')}`;

/** Folder of the local stack unless `--dir` or MILLRACE_DIR names another one. */
export const DEFAULT_DIR = '.millrace';

export const addDirOption = (command: Command): Command =>
  command.option('--dir <folder>', "the stack's folder (or MILLRACE_DIR)", process.env.MILLRACE_DIR ?? DEFAULT_DIR);

/** Parses the value of an option that is a number of seconds, 0 or more. */
export const seconds = (text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) throw new InvalidArgumentError('It is a number of seconds, 0 or more.');
  return value;
};

/** Names separated by commas. */
export const nameList = (text: string): string[] =>
  text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');

/** Settings of `.env`, below those of the environment. */
export const readEnvFile = (): void => {
  if (existsSync('.env')) process.loadEnvFile('.env');
};

/** Columns padded to the same width, two spaces between them. */
export const table = (header: readonly string[], rows: readonly (readonly string[])[]): string => {
  const lines = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  return lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd()).join('\n');
};

export const printLine = (text: string): void => void process.stdout.write(`${text}\n`);

/** The one document of a command with `--json`. */
export const printJson = (value: unknown): void => printLine(JSON.stringify(value, null, 2));

/** One of many, each a line. */
export const printJsonLine = (value: unknown): void => printLine(JSON.stringify(value));

/** For people, beside the data on stdout. */
export const tell = (text: string): void => void process.stderr.write(`${text}\n`);

const commanderCode = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('commander.') ? error.code : undefined;

/** Says on stderr what went wrong. @returns the exit code */
export const report = (error: unknown): number => {
  const code = commanderCode(error);
  // Commander has written its own message, and help and version are no errors.
  if (code !== undefined) return (error as { exitCode?: number }).exitCode === 0 ? EXIT.done : EXIT.usage;
  if (error instanceof UnhealthyError) return EXIT.unhealthy;
  if (error instanceof ConfigurationError) {
    for (const problem of error.problems) tell(`millrace: ${scrub(problem)}`);
    if (error.hint !== undefined) tell(`millrace: ${scrub(error.hint)}`);
    return EXIT.usage;
  }
  const known = error instanceof MillraceError || !(error instanceof Error);
  tell(`millrace: ${scrub(known ? messageOf(error) : (error.stack ?? error.message))}`);
  return EXIT.failed;
};

/**
 * Runs `task` with a signal that aborts on the first SIGINT or SIGTERM. A second one ends the process at once.
 * @returns the exit code of an interruption, or undefined when there was none
 */
export const interruptible = async (task: (signal: AbortSignal) => Promise<void>): Promise<number | undefined> => {
  const controller = new AbortController();
  let exitCode: number | undefined;
  const onSignal = (code: number) => (): void => {
    if (exitCode !== undefined) process.exit(code);
    exitCode = code;
    controller.abort(new Error('interrupted'));
  };
  const onInterrupt = onSignal(EXIT.interrupted);
  const onTerminate = onSignal(EXIT.terminated);
  process.on('SIGINT', onInterrupt).on('SIGTERM', onTerminate);
  try {
    await task(controller.signal);
  } catch (error) {
    if (exitCode === undefined) throw error;
  } finally {
    process.off('SIGINT', onInterrupt).off('SIGTERM', onTerminate);
  }
  return exitCode;
};
