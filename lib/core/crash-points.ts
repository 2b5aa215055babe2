/**
 * Places at which a worker can be made to end at once, to prove that nothing is lost there. A test arms one of a worker process by
 * `MILLRACE_CRASH_AT`; the simulation arms all of them. Where nothing is armed they are one comparison each.
 */
import { writeSync } from 'node:fs';

export const CRASH_POINTS = [
  // Opening a task: its owner fenced, the committed offsets read, stores restored, started.
  'before-fence', 'after-fence', 'before-positions', 'after-positions', 'before-restore', 'after-restore', 'before-start', 'after-start',
  // The commit, as numbered in runtime/checkpoint.ts.
  'before-send', 'after-send', 'before-offsets', 'after-offsets', 'before-commit', 'after-commit', 'before-store', 'after-store', 'before-forget', 'after-forget',
  // A write to an outside sink: before its batch leaves, and when the sink has answered.
  'before-write', 'after-write',
] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number];

/** Called at each point; where the worker is to end there, it does not come back. Null: nothing is armed. */
export type Crash = ((point: CrashPoint) => void | Promise<void>) | null;

/** A point, and at which passing of it in this process, counted from 1. */
export interface ArmedPoint {
  readonly point: CrashPoint;
  readonly passing: number;
}

/** `before-commit:3`, or `before-commit` for the first passing. Null when empty, undefined when it is neither. */
export const parseCrashAt = (text: string): ArmedPoint | null | undefined => {
  if (text === '') return null;
  const [, name, passing = '1'] = /^([a-z-]+)(?::([1-9]\d{0,8}))?$/.exec(text) ?? [];
  const point = CRASH_POINTS.find((known) => known === name);
  return point === undefined ? undefined : { point, passing: Number(passing) };
};

/** Ends this process by SIGKILL at the armed point, as a crash of the machine would: nothing is flushed, closed or left. */
export const crashAt = ({ point, passing }: ArmedPoint): NonNullable<Crash> => {
  let left = passing;
  return (reached) => {
    if (reached !== point) return;
    left -= 1;
    if (left > 0) return;
    // The logger would write it later, and there is no later.
    writeSync(process.stderr.fd, `${JSON.stringify({ level: 'warn', message: 'crash point', point, passing })}\n`);
    process.kill(process.pid, 'SIGKILL');
  };
};
