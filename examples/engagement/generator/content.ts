import type { Random } from './random.ts';

export type ContentType = 'podcast' | 'newsletter' | 'video';

export interface Content {
  readonly id: string;
  readonly slug: string;
  readonly title: string;
  readonly contentType: ContentType;
  readonly lengthSeconds: number | null;
  /** ms since the epoch */
  readonly publishMs: number;
}

const DAY_MS = 86_400_000;
const SUBJECTS = ['Rivers', 'Bread', 'Night Trains', 'Bees', 'Old Maps', 'Chess', 'Glaciers', 'Typefaces', 'Tea', 'Lighthouses', 'Volcanoes', 'Bridges', 'Whales', 'Clocks', 'Mushrooms', 'Sleep'];
const FRAMES = ['A Short History of', 'The Secret Life of', 'What We Know About', 'Arguing About', 'The Price of', 'Notes on', 'The People Behind', 'Falling for'];

/** The three below are made first and never edited, so that every load meets them. */
export type Oddity = 'no length' | 'length 0' | 'not yet published';
export const ODDITIES: readonly Oddity[] = ['no length', 'length 0', 'not yet published'];

export const oddityOf = (content: Content, nowMs: number): Oddity | null => {
  if (content.publishMs > nowMs) return 'not yet published';
  if (content.lengthSeconds === null) return 'no length';
  return content.lengthSeconds === 0 ? 'length 0' : null;
};

const lengthFor = (random: Random, type: ContentType): number | null => {
  if (type === 'newsletter') return random.chance(0.5) ? null : random.between(90, 900);
  return type === 'podcast' ? random.between(600, 5_400) : random.between(45, 1_500);
};

const slugOf = (title: string, id: string): string => `${title.toLowerCase().replaceAll(/[^a-z]+/g, '-')}-${id.slice(0, 8)}`;

export const makeContent = (random: Random, nowMs: number, oddity: Oddity | null): Content => {
  const id = random.uuid();
  const title = `${random.pick(FRAMES)} ${random.pick(SUBJECTS)}`;
  const contentType = random.pick<ContentType>(['podcast', 'podcast', 'video', 'video', 'newsletter']);
  const base = { id, slug: slugOf(title, id), title, contentType };
  switch (oddity) {
    case 'no length': return { ...base, lengthSeconds: null, publishMs: nowMs - 5 * DAY_MS };
    case 'length 0': return { ...base, lengthSeconds: 0, publishMs: nowMs - 5 * DAY_MS };
    case 'not yet published': return { ...base, lengthSeconds: 1_800, publishMs: nowMs + 400 * DAY_MS };
    case null: return { ...base, lengthSeconds: lengthFor(random, contentType), publishMs: nowMs - random.between(3, 300) * DAY_MS };
  }
};

const retitled = (title: string): string => {
  const match = / \(take (\d+)\)$/.exec(title);
  return match === null ? `${title} (take 2)` : `${title.slice(0, match.index)} (take ${Number(match[1]) + 1})`;
};

/** A new title, a new length or both; now and then a length goes missing or turns up. */
export const editContent = (random: Random, content: Content): Content => {
  const what = random.between(0, 3);
  const title = what === 1 ? content.title : retitled(content.title);
  if (what === 0) return { ...content, title };
  const longer = content.lengthSeconds === null ? random.between(60, 3_600) : content.lengthSeconds + random.between(1, 120);
  return { ...content, title, lengthSeconds: random.chance(0.1) && content.lengthSeconds !== null ? null : longer };
};
