/** What a join found for each event. A value without I/O. */
import { kinds, type Kind } from './pairs.ts';

/** The fields of a joined record that tell. */
export interface Joined {
  readonly id: number;
  /** `kind:version`, as `deviceOf` wrote it. */
  readonly device: string | null;
  /** `v` and the version that was found; null: no row. */
  readonly content_title: string | null;
}

export interface Outcome {
  /** Events whose output is there. */
  readonly joined: number;
  /** Of them: without a row. */
  readonly missed: number;
  /** Of them: with an older version of the row than the one committed before or with the event. */
  readonly stale: number;
  /** Missed and stale ones by how row and event were committed. */
  readonly wrong: Readonly<Record<Kind, number>>;
  /** Events without any output. */
  readonly lost: number;
  /** Records too many. */
  readonly duplicated: number;
}

const versionIn = (text: string, separator: string): number => Number(text.slice(text.indexOf(separator) + separator.length));

/** How many of `a` are not in `b`. */
const missingIn = (a: ReadonlySet<number>, b: ReadonlySet<number>): number => [...a].filter((id) => !b.has(id)).length;

const isKind = (text: string): text is Kind => kinds.some((kind) => kind === text);

export class Tally {
  readonly #seen = new Set<number>();
  readonly #wrong: Record<Kind, number> = { together: 0, before: 0 };
  #missed = 0;
  #stale = 0;
  #duplicated = 0;

  /** Events that have come so far. */
  get joined(): number {
    return this.#seen.size;
  }

  add({ id, device, content_title }: Joined): void {
    if (this.#seen.has(id)) {
      this.#duplicated += 1;
      return;
    }
    this.#seen.add(id);
    const [kind = ''] = (device ?? '').split(':');
    if (!isKind(kind)) throw new Error(`event ${id} says ${JSON.stringify(device)} of its row`);
    const expected = versionIn(device!, ':');
    if (content_title !== null && versionIn(content_title, 'v') >= expected) return;
    this.#wrong[kind] += 1;
    if (content_title === null) this.#missed += 1;
    else this.#stale += 1;
  }

  /** @param ids all events that were committed */
  outcome(ids: ReadonlySet<number>): Outcome {
    return {
      joined: this.#seen.size,
      missed: this.#missed,
      stale: this.#stale,
      wrong: { ...this.#wrong },
      lost: missingIn(ids, this.#seen),
      duplicated: this.#duplicated + missingIn(this.#seen, ids),
    };
  }
}

/** Every event is there once and found its row. */
export const isComplete = ({ missed, stale, lost, duplicated }: Outcome): boolean => missed + stale + lost + duplicated === 0;
