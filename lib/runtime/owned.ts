/** Whose a topic or a group is, as far as names tell: `shop-eu-totals-changelog` may be of an application `shop`, or of `shop-eu`. */
import { names } from '../plan/names.ts';
import type { TopicRole } from '../plan/types.ts';

/** What is in Kafka. */
export interface Listed {
  readonly topics: readonly string[];
  readonly groups: readonly string[];
}

/** Topics that have an application's name in front. */
export type OwnRole = Extract<TopicRole, 'changelog' | 'repartition' | 'input' | 'dead-letter'>;

export interface Owned {
  readonly topics: readonly { readonly topic: string; readonly role: OwnRole }[];
  readonly groups: readonly string[];
  /** May be of an application that is there too, and whose name this one's begins with. */
  readonly doubtful: Listed;
  /** Topics and groups that may be of an application whose name begins with this one's. */
  readonly others: readonly string[];
}

type Called = (app: string, part: string) => string;

/** An application, and what of it a name names. */
type Reading = readonly [app: string, part: string];

const NAMES: Readonly<Record<OwnRole, Called>> = { changelog: names.changelog, repartition: names.repartition, input: names.input, 'dead-letter': names.deadLetters };

/** Each way to cut a name between an application and its part. */
const readingsOf = (name: string, called: Called): Reading[] => {
  const [between, end] = called('\n', '\n').split('\n').slice(1) as [string, string];
  if (!name.endsWith(end)) return [];
  const pieces = name.slice(0, name.length - end.length).split(between);
  return pieces.map((_, i): Reading => [pieces.slice(0, i).join(between), pieces.slice(i).join(between)]).filter(([app, part]) => app !== '' && part !== '');
};

/** Reads names by what else there is: a stage is in Kafka twice, as a group and as a topic of dead letters, which leaves one reading of both. */
class Reader {
  readonly #app: string;
  readonly #topics: ReadonlySet<string>;
  readonly #groups: ReadonlySet<string>;
  readonly #stages: readonly string[];
  /** Applications that may be there. */
  readonly apps: ReadonlySet<string>;

  constructor(app: string, { topics, groups }: Listed, stages: readonly string[]) {
    this.#app = app;
    this.#topics = new Set(topics);
    this.#groups = new Set(groups);
    this.#stages = stages;
    const readings = [...groups.flatMap((group) => this.ofStage(group, names.group)), ...topics.flatMap((topic) => this.ofStage(topic, names.deadLetters))];
    this.apps = new Set(readings.map(([of]) => of));
  }

  #isStage([app, stage]: Reading): boolean {
    return (app === this.#app && this.#stages.includes(stage)) || (this.#groups.has(names.group(app, stage)) && this.#topics.has(names.deadLetters(app, stage)));
  }

  /** Readings of a name that is made of a stage's; those behind which a stage stands exclude the others. */
  ofStage(name: string, called: Called): readonly Reading[] {
    const readings = readingsOf(name, called);
    const sure = readings.filter((reading) => this.#isStage(reading));
    return sure.length > 0 ? sure : readings;
  }

  /** Who may own it; empty: not the application. */
  owners(name: string, called: Called): readonly string[] {
    const readings = called === names.changelog ? readingsOf(name, called) : this.ofStage(name, called);
    const owners = readings.map(([of]) => of).filter((of) => of === this.#app || this.apps.has(of));
    return owners.includes(this.#app) ? owners : [];
  }
}

const isLonger = (app: string, than: string): boolean => app.length > than.length && app.startsWith(than);

/** Applications whose names begin with this one's. `stages` are the application's own. */
export const namesakes = (app: string, listed: Listed, stages: readonly string[]): readonly string[] => [...new Reader(app, listed, stages).apps].filter((of) => isLonger(of, app));

export const ownedBy = (app: string, listed: Listed): Owned => {
  const reader = new Reader(app, listed, []);
  const owned = { topics: [] as Owned['topics'][number][], groups: [] as string[], doubtful: { topics: [] as string[], groups: [] as string[] }, others: [] as string[] };
  const sort = (name: string, called: Called, own: () => void, doubtful: string[]): void => {
    const owners = reader.owners(name, called);
    if (owners.length === 0) return;
    if (owners.some((of) => isLonger(of, app))) owned.others.push(name);
    else if (owners.length > 1) doubtful.push(name);
    else own();
  };
  for (const group of listed.groups) sort(group, names.group, () => owned.groups.push(group), owned.doubtful.groups);
  for (const [role, called] of Object.entries(NAMES) as [OwnRole, Called][]) {
    for (const topic of listed.topics) sort(topic, called, () => owned.topics.push({ topic, role }), owned.doubtful.topics);
  }
  return owned;
};

export const isDeadLetters = (topic: string): boolean => readingsOf(topic, names.deadLetters).length > 0;

/** Whatever has one of the applications' names in front. */
export const namedAfter = ({ topics, groups }: Listed, apps: readonly string[]): Listed => {
  const isOf = (name: string): boolean => apps.some((app) => name.startsWith(`${app}-`) || name.startsWith(`${app}.`));
  return { topics: topics.filter(isOf), groups: groups.filter(isOf) };
};

/** The application's backfills that have begun and not ended: those that keep a range. */
export const backfillsOf = (app: string, { topics, groups }: Listed): readonly string[] => {
  const [prefix, suffix] = names.backfillRange(names.backfill(app, '\n')).split('\n') as [string, string];
  const ranges = topics.filter((topic) => topic.startsWith(prefix) && topic.endsWith(suffix) && topic.length > prefix.length + suffix.length);
  // An application `shop-backfill` may have backfills too.
  const others = new Set(groups.flatMap((group) => readingsOf(group, names.group)).map(([of]) => of).filter((of) => isLonger(of, app)));
  return ranges.map((topic) => topic.slice(0, topic.length - suffix.length)).filter((backfill) => ![...others].some((other) => backfill.startsWith(`${other}-`)));
};
