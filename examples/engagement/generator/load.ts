import { editContent, makeContent, ODDITIES, oddityOf, type Content } from './content.ts';
import { Random } from './random.ts';

export interface EngagementEvent {
  readonly contentId: string;
  readonly userId: string;
  readonly eventType: string;
  /** ISO text with microseconds, UTC. */
  readonly eventTs: string;
  readonly durationMs: number | null;
  readonly device: string;
  /** When the device sent it: ISO text with milliseconds, UTC. */
  readonly sentAt: string;
}

/** How much of each special thing a load has made. */
export interface Made {
  events: number;
  contents: number;
  edits: number;
  clicks: number;
  withoutLength: number;
  lengthZero: number;
  negativeDuration: number;
  unknownType: number;
  fromTheFuture: number;
  overHundred: number;
  beforePublication: number;
}

interface Session {
  readonly userId: string;
  readonly contentId: string;
  readonly device: string;
  steps: number;
}

type Special = 'negativeDuration' | 'unknownType' | 'fromTheFuture' | 'overHundred' | 'no length' | 'length 0' | 'not yet published';

const SPECIALS: readonly Special[] = ['negativeDuration', 'unknownType', 'fromTheFuture', 'overHundred', ...ODDITIES];
/** Every so many events one is special, in turns: nothing is left to luck, so that a short load has them all. */
const SPECIAL_EVERY = 100;
const DEVICES = ['ios', 'android', 'web', 'speaker', 'tv'];
const UNKNOWN_TYPES = ['hover', 'seek', 'PLAY', ''];
const FIRST_CONTENTS = 60;
const USERS = 4_000;
const MAX_SESSIONS = 300;
const HOUR_MS = 3_600_000;

/** Believable engagement: a few hot contents, users who play, pause and finish, clicks, and now and then something odd or impossible. Writes nothing itself. */
export class Load {
  readonly made: Made = {
    events: 0, contents: 0, edits: 0, clicks: 0, withoutLength: 0, lengthZero: 0,
    negativeDuration: 0, unknownType: 0, fromTheFuture: 0, overHundred: 0, beforePublication: 0,
  };

  readonly #random: Random;
  readonly #users: readonly string[];
  readonly #sessions: Session[] = [];
  readonly #byId = new Map<string, Content>();
  readonly #contents: string[] = [];

  /** `contents`: those that exist already, oldest first. */
  constructor(seed: number, contents: readonly Content[]) {
    this.#random = new Random(seed);
    const users = new Random(1);
    this.#users = Array.from({ length: USERS }, () => users.uuid());
    for (const content of contents) this.#put(content);
  }

  #put(content: Content): void {
    if (!this.#byId.has(content.id)) this.#contents.push(content.id);
    this.#byId.set(content.id, content);
  }

  #content(id: string): Content {
    const content = this.#byId.get(id);
    if (content === undefined) throw new RangeError(`no content ${id}`);
    return content;
  }

  /** The contents to write before the first event; none when enough exist. */
  firstContents(nowMs: number): readonly Content[] {
    const missing = ODDITIES.filter((oddity) => !this.#contents.some((id) => oddityOf(this.#content(id), nowMs) === oddity));
    const plain = Math.max(0, FIRST_CONTENTS - this.#contents.length - missing.length);
    const made = [...missing, ...Array.from({ length: plain }, () => null)].map((oddity) => makeContent(this.#random, nowMs, oddity));
    for (const content of made) this.#put(content);
    this.made.contents += made.length;
    return made;
  }

  addContent(nowMs: number): Content {
    const content = makeContent(this.#random, nowMs, null);
    this.#put(content);
    this.made.contents += 1;
    return content;
  }

  /** The new state of some ordinary content. */
  editContent(nowMs: number): Content {
    const ordinary = this.#contents.filter((id) => oddityOf(this.#content(id), nowMs) === null);
    const edited = editContent(this.#random, this.#content(ordinary[this.#random.hotIndex(ordinary.length)]!));
    this.#put(edited);
    this.made.edits += 1;
    return edited;
  }

  /** The next event. `atMs`: when it happened; `nowMs`: when it is written. */
  event(atMs: number, nowMs: number): EngagementEvent {
    const index = this.made.events;
    this.made.events += 1;
    const special = index % SPECIAL_EVERY === SPECIAL_EVERY / 2 ? SPECIALS[Math.floor(index / SPECIAL_EVERY) % SPECIALS.length] : undefined;
    const event = special === undefined ? this.#ordinary(atMs, nowMs) : this.#special(special, atMs, nowMs);
    this.#count(event);
    return event;
  }

  #ordinary(atMs: number, nowMs: number): EngagementEvent {
    const random = this.#random;
    if (random.chance(0.12)) return this.#make(this.#session(), 'click', null, atMs, nowMs);
    const start = this.#sessions.length === 0 || (random.chance(0.39) && this.#sessions.length < MAX_SESSIONS);
    if (start) {
      const session = this.#session();
      this.#sessions.push(session);
      return this.#make(session, 'play', 0, atMs, nowMs);
    }
    const at = random.between(0, this.#sessions.length - 1);
    const session = this.#sessions[at]!;
    session.steps += 1;
    const length = this.#content(session.contentId).lengthSeconds ?? 0;
    const fullMs = length === 0 ? random.between(5, 2_400) * 1_000 : length * 1_000;
    if (session.steps < 6 && random.chance(0.38)) return this.#make(session, 'pause', random.between(fullMs * 0.01, fullMs * 0.8) | 0, atMs, nowMs);
    this.#sessions[at] = this.#sessions.at(-1)!;
    this.#sessions.pop();
    return this.#make(session, 'finish', random.between(fullMs * 0.85, fullMs) | 0, atMs, nowMs);
  }

  #special(special: Special, atMs: number, nowMs: number): EngagementEvent {
    const random = this.#random;
    switch (special) {
      case 'negativeDuration': return this.#make(this.#session(), 'pause', -random.between(1, 60_000), atMs, nowMs);
      case 'unknownType': return this.#make(this.#session(), random.pick(UNKNOWN_TYPES), 1_000, atMs, nowMs);
      case 'fromTheFuture': return this.#make(this.#session(), 'play', 0, nowMs + random.between(3, 9_000) * HOUR_MS, nowMs);
      case 'overHundred': {
        const session = this.#session((content) => (content.lengthSeconds ?? 0) > 0 && oddityOf(content, nowMs) === null);
        return this.#make(session, 'finish', this.#content(session.contentId).lengthSeconds! * 1_000 + random.between(1, 90_000), atMs, nowMs);
      }
      default: return this.#make(this.#session((content) => oddityOf(content, nowMs) === special), 'finish', random.between(1_000, 900_000), atMs, nowMs);
    }
  }

  #session(wanted?: (content: Content) => boolean): Session {
    const random = this.#random;
    const ids = wanted === undefined ? this.#contents : this.#contents.filter((id) => wanted(this.#content(id)));
    const contentId = ids[random.hotIndex(ids.length)];
    if (contentId === undefined) throw new RangeError('no content of the kind wanted');
    return { userId: random.pick(this.#users), contentId, device: random.pick(DEVICES), steps: 0 };
  }

  #make(session: Session, eventType: string, durationMs: number | null, atMs: number, nowMs: number): EngagementEvent {
    const micros = String(this.#random.between(0, 999)).padStart(3, '0');
    return {
      contentId: session.contentId,
      userId: session.userId,
      eventType,
      eventTs: new Date(atMs).toISOString().replace('Z', `${micros}Z`),
      durationMs,
      device: session.device,
      sentAt: new Date(nowMs).toISOString(),
    };
  }

  #count(event: EngagementEvent): void {
    const made = this.made;
    const content = this.#content(event.contentId);
    const { durationMs } = event;
    if (event.eventType === 'click') made.clicks += 1;
    if (content.lengthSeconds === null) made.withoutLength += 1;
    if (content.lengthSeconds === 0) made.lengthZero += 1;
    if (durationMs !== null && durationMs < 0) made.negativeDuration += 1;
    if (UNKNOWN_TYPES.includes(event.eventType)) made.unknownType += 1;
    if (Date.parse(event.eventTs) > Date.parse(event.sentAt) + HOUR_MS) made.fromTheFuture += 1;
    if (durationMs !== null && (content.lengthSeconds ?? 0) > 0 && durationMs > content.lengthSeconds! * 1_000) made.overHundred += 1;
    if (Date.parse(event.eventTs) < content.publishMs) made.beforePublication += 1;
  }
}
