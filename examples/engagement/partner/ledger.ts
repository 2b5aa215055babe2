import { createReadStream, existsSync, mkdirSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** One line of the ledger's file. */
export type Entry =
  | { readonly type: 'accepted'; readonly key: string; readonly digest: string; readonly body: unknown; readonly dropped: boolean }
  | { readonly type: 'refused'; readonly key: string }
  | { readonly type: 'replayed'; readonly key: string };

interface Accepted {
  readonly digest: string;
  readonly number: number;
  /** The connection was dropped after accepting, and the call has not come back since. */
  waiting: boolean;
}

export interface Totals {
  readonly accepted: number;
  readonly refused: number;
  readonly dropped: number;
  /** Calls that came again with a key that had been accepted. */
  readonly replayed: number;
  /** Dropped connections whose call has not come back. */
  readonly waiting: number;
}

/** What the partner has decided, kept in a file of JSON lines so that it survives a restart. A call is answered only after its line is written. */
export class Ledger {
  readonly file: string;
  readonly #handle: FileHandle;
  readonly #accepted = new Map<string, Accepted>();
  readonly #refused = new Set<string>();
  #dropped = 0;
  #replayed = 0;
  #waiting = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(file: string, handle: FileHandle) {
    this.file = file;
    this.#handle = handle;
  }

  static async open(folder: string): Promise<Ledger> {
    mkdirSync(folder, { recursive: true });
    const file = join(folder, 'calls.jsonl');
    const ledger = new Ledger(file, await open(file, 'a'));
    for await (const entry of readEntries(file)) ledger.#note(entry);
    return ledger;
  }

  accepted(key: string): Readonly<Accepted> | undefined {
    return this.#accepted.get(key);
  }

  get totals(): Totals {
    return { accepted: this.#accepted.size, refused: this.#refused.size, dropped: this.#dropped, replayed: this.#replayed, waiting: this.#waiting };
  }

  async write(entry: Entry): Promise<void> {
    if (entry.type === 'refused' && this.#refused.has(entry.key)) return;
    this.#note(entry);
    const line = `${JSON.stringify(entry)}\n`;
    this.#writing = this.#writing.then(() => this.#handle.write(line)).then(() => undefined);
    await this.#writing;
  }

  async close(): Promise<void> {
    await this.#writing.catch(() => undefined);
    await this.#handle.close();
  }

  #note(entry: Entry): void {
    switch (entry.type) {
      case 'accepted':
        this.#accepted.set(entry.key, { digest: entry.digest, number: this.#accepted.size + 1, waiting: entry.dropped });
        if (entry.dropped) {
          this.#dropped += 1;
          this.#waiting += 1;
        }
        return;
      case 'refused':
        this.#refused.add(entry.key);
        return;
      case 'replayed': {
        this.#replayed += 1;
        const call = this.#accepted.get(entry.key);
        if (call?.waiting !== true) return;
        call.waiting = false;
        this.#waiting -= 1;
      }
    }
  }
}

/** The entries of a ledger's file, oldest first. A last line that a crash cut short is left out. */
export async function* readEntries(file: string): AsyncGenerator<Entry> {
  if (!existsSync(file)) return;
  for await (const line of createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Infinity })) {
    if (!line.endsWith('}')) continue;
    yield JSON.parse(line) as Entry;
  }
}
