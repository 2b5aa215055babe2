/** A program on a terminal of its own, for tests. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { findTools } from '../../../lib/stack/requirements.mjs';

const RELAY = join(import.meta.dirname, 'on-pty.py');
const WAIT_MS = 10_000;
const POLL_MS = 10;

/** Python, which has terminals; Node has none. */
export const findPython = async (): Promise<string | undefined> => (await findTools(['python'])).tools.python;

export class TerminalOf {
  readonly #relay: ChildProcess;
  #shown = '';
  #news = '';

  constructor(python: string, command: readonly string[]) {
    this.#relay = spawn(python, [RELAY, ...command], { stdio: 'pipe' });
    this.#relay.stdout!.setEncoding('utf8').on('data', (text: string) => (this.#shown += text));
    this.#relay.stderr!.setEncoding('utf8').on('data', (text: string) => (this.#news += text));
  }

  #tell(line: string): void {
    this.#relay.stdin!.write(`${line}\n`);
  }

  size(columns: number, rows: number): void {
    this.#tell(`size ${columns} ${rows}`);
  }

  /** Keys; control characters as `\x1a`. */
  type(text: string): void {
    this.#tell(`type ${text}`);
  }

  /** What a shell's `fg` does. */
  goOn(): void {
    this.#tell('continue');
  }

  async #until(what: string, isSo: () => boolean): Promise<void> {
    const signal = AbortSignal.timeout(WAIT_MS);
    while (!isSo()) {
      if (signal.aborted) throw new Error(`never ${what}; shown ${JSON.stringify(this.#shown)}; told ${JSON.stringify(this.#news)}`);
      await setTimeout(POLL_MS);
    }
  }

  /** @returns everything from the last call until the text, with it */
  async shows(text: string): Promise<string> {
    await this.#until(`shown ${JSON.stringify(text)}`, () => this.#shown.includes(text));
    const end = this.#shown.indexOf(text) + text.length;
    const before = this.#shown.slice(0, end);
    this.#shown = this.#shown.slice(end);
    return before;
  }

  /** `stopped`, or `ended CODE`. */
  async tells(news: string): Promise<void> {
    await this.#until(news, () => this.#news.includes(`${news}\n`));
    this.#news = this.#news.slice(this.#news.indexOf(news) + news.length + 1);
  }

  async close(): Promise<void> {
    if (this.#relay.exitCode !== null) return;
    this.#relay.stdin!.end();
    await once(this.#relay, 'exit');
  }
}
