const TWO_32 = 2 ** 32;

/** Seeded random numbers: the same seed gives the same load on every machine. Not for secrets. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number in [0, 2^32): Weyl sequence through a 32-bit finaliser. */
  #next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  }

  /** A number in [0, 1). */
  fraction(): number {
    return this.#next() / TWO_32;
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.fraction() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.between(0, items.length - 1)];
    if (item === undefined) throw new RangeError('cannot pick from an empty list');
    return item;
  }

  /** An index below `count`; index n is about 1/(n+1) as likely as index 0, so a few are hot. */
  hotIndex(count: number): number {
    return Math.min(count - 1, Math.floor((count + 1) ** this.fraction()) - 1);
  }

  uuid(): string {
    const hex = (n: number): string => n.toString(16).padStart(8, '0');
    const digits = hex(this.#next()) + hex(this.#next()) + hex(this.#next()) + hex(this.#next());
    const variant = '89ab'[this.between(0, 3)];
    return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-${variant}${digits.slice(17, 20)}-${digits.slice(20)}`;
  }
}
