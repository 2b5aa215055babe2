const KEPT = 4_000;

/** What happened, in order: a hash over all of it, and the last lines. */
export class Trace {
  readonly #now: () => number;
  readonly #lines: string[] = [];
  #hash = 0x811c9dc5;
  #count = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  add(line: string): void {
    const text = `${this.#now().toFixed(3)} ${line}`;
    // FNV-1a over UTF-16 units.
    let hash = this.#hash;
    for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    this.#hash = hash;
    this.#lines[this.#count % KEPT] = text;
    this.#count += 1;
  }

  get hash(): string {
    return `${(this.#hash >>> 0).toString(16).padStart(8, '0')}-${this.#count}`;
  }

  /** The last lines, oldest first. */
  get lines(): readonly string[] {
    if (this.#count <= KEPT) return this.#lines.slice();
    const at = this.#count % KEPT;
    return [...this.#lines.slice(at), ...this.#lines.slice(0, at)];
  }
}
