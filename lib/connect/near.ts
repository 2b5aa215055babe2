/** Edits that make one text the other: a character left out, added, replaced, or swapped with its neighbour. */
const distance = (a: string, b: string): number => {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, beforePrevious[j - 2]! + 1);
      row.push(best);
    }
    beforePrevious = previous;
    previous = row;
  }
  return previous[b.length]!;
};

const parts = (name: string): string[] => name.toLowerCase().split(/[._-]/);

/** The same parts in another order, or but for one that is left out. */
const sameParts = (name: readonly string[], candidate: readonly string[]): boolean => {
  const missing = candidate.length - name.length;
  return name.length > 1 && (missing === 0 || missing === 1) && [...name].every((part) => candidate.includes(part));
};

/** Longer names may have more mistakes in them. */
const allowance = (name: string): number => Math.max(1, Math.min(4, Math.floor(name.length / 5)));

/** The name that was probably meant: the nearest one, or one of the same parts. */
export const nearest = (name: string, known: Iterable<string>): string | undefined => {
  let found: string | undefined;
  let least = allowance(name) + 1;
  let related: string | undefined;
  const own = parts(name);
  for (const candidate of known) {
    if (related === undefined && sameParts(own, parts(candidate))) related = candidate;
    if (Math.abs(candidate.length - name.length) >= least) continue;
    const edits = distance(name.toLowerCase(), candidate.toLowerCase());
    if (edits < least) [found, least] = [candidate, edits];
  }
  return found ?? related;
};
