// Plain JavaScript for Node 20, no dependencies.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** One Ctrl-C reaches us twice under npm: from the terminal and from npm, which passes it on. */
const SAME_KEYSTROKE_MS = 500;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];

/**
 * Runs a program in this one's place: same terminal, signals passed on once, its exit code returned (128 + n when signal n
 * ended it).
 *
 * It gets a session of its own, so that a Ctrl-C reaches it through here only. What else the terminal tells its foreground, a new size
 * and Ctrl-Z, then reaches it through here too; on Ctrl-Z the program is told first, and stops by itself if it has something to give back.
 */
export const handOver = (file, args, environment = {}) =>
  new Promise((resolve) => {
    const child = spawn(file, args, { stdio: 'inherit', detached: true, env: { ...process.env, ...environment } });
    const lastAt = new Map();
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        const now = performance.now();
        const repeated = now - (lastAt.get(signal) ?? -Infinity) < SAME_KEYSTROKE_MS;
        lastAt.set(signal, now);
        if (!repeated) child.kill(signal === 'SIGHUP' ? 'SIGTERM' : signal);
      });
    }
    process.on('SIGWINCH', () => child.kill('SIGWINCH'));
    process.on('SIGCONT', () => child.kill('SIGCONT'));
    process.on('SIGTSTP', () => {
      child.kill('SIGTSTP');
      process.kill(process.pid, 'SIGSTOP');
    });
    child.once('error', (error) => {
      process.stderr.write(`millrace: ${file} does not start: ${error.message}\n`);
      resolve(1);
    });
    child.once('exit', (code, signal) => resolve(code ?? 128 + (constants.signals[signal] ?? 0)));
  });
