import { Subject, type Observable } from 'rxjs';
import kafkajs from 'kafkajs';
import type { Assigner, Consumer, ConsumerGroupJoinEvent } from 'kafkajs';
import { messageOf, StopError } from '../../core/errors.ts';
import type { Timer } from '../../core/clock.ts';
import { assignPartitions, inOrderHeld } from '../assigner.ts';
import type { GroupEvent, GroupMember, GroupOptions, Membership, TopicPartition } from '../port.ts';
import { Connections } from './connections.ts';
import { cutConnections, kafkaConfig, quietTimers, RETRY, type ConnectionSettings, type RawBroker, type RawCluster, type RawConnectionPool } from './internals.ts';
import { askCoordinator } from './patience.ts';
import { ILLEGAL_GENERATION, NONE, protocolError, REBALANCE_IN_PROGRESS, UNKNOWN_MEMBER_ID } from './protocol-errors.ts';
import { heartbeat } from './requests.ts';

/** Waits before a new consumer after a crash: the first one, and the longest. */
const FIRST_RETURN_MS = 500;
const LONGEST_RETURN_MS = 3_000;
/** How long `leave` waits for the group to be told. */
const LEAVE_TIMEOUT_MS = 10_000;
/** With everything paused KafkaJS's loop sleeps this long; heartbeats and `leave` wait for it. */
const IDLE_WAIT_MS = 100;

/** What a heartbeat is answered whose membership does not count, or not for the moment. */
const NOT_CURRENT: ReadonlySet<number> = new Set([ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, REBALANCE_IN_PROGRESS]);

const ASSIGNER = 'millrace-co-partitioned';

/** What a member tells the leader about itself. */
interface MemberNote {
  readonly generation: number;
  readonly held: readonly number[];
  readonly onDisk: readonly number[];
}

const NO_NOTE: MemberNote = { generation: -1, held: [], onDisk: [] };

/** As it came from another member, maybe of another version. */
const numbersIn = (list: unknown): number[] => (Array.isArray(list) ? list.filter((entry) => Number.isInteger(entry)) : []);

const readNote = (bytes: Buffer): MemberNote => {
  try {
    const note = JSON.parse(bytes.toString()) as Partial<MemberNote>;
    return { generation: Number(note.generation), held: numbersIn(note.held), onDisk: numbersIn(note.onDisk) };
  } catch {
    return NO_NOTE;
  }
};

/**
 * Membership through KafkaJS's consumer, every partition of which stays paused. KafkaJS does not restart a crashed consumer by itself
 * (it may stay away for good without a word): each crash ends in a `lost` event and a new consumer.
 */
export class SupervisedMember implements GroupMember {
  readonly events$: Observable<GroupEvent>;
  readonly #events = new Subject<GroupEvent>();
  readonly #settings: ConnectionSettings;
  readonly #options: GroupOptions;
  #state: 'new' | 'joined' | 'left' = 'new';
  #session: Session | undefined;
  #crashes = 0;
  #returning: Timer | undefined;
  /** Beside KafkaJS's own, which answers when its loop gets to it. */
  #connections: Connections | undefined;
  /** What this member held last, told to the leader so that it gets the same again. */
  #note: Omit<MemberNote, 'onDisk'> = NO_NOTE;

  constructor(settings: ConnectionSettings, options: GroupOptions) {
    this.#settings = settings;
    this.#options = options;
    this.events$ = this.#events.asObservable();
  }

  /** Resolves when the first attempt to join is over; the outcome comes as an event. */
  async join(): Promise<void> {
    if (this.#state !== 'new') throw new StopError(`The member of group ${this.#options.groupId} was asked to join twice`);
    this.#state = 'joined';
    await this.#start();
  }

  async isCurrent(membership: Membership): Promise<boolean> {
    const { groupId, sessionTimeoutMs } = this.#options;
    if (this.#state === 'left') return false;
    this.#connections ??= new Connections(this.#settings);
    const answer = await askCoordinator(this.#connections, this.#settings.clock, sessionTimeoutMs, {
      kind: 'group',
      key: groupId,
      call: heartbeat(groupId, membership),
      errorOf: (error) => (NOT_CURRENT.has(error) ? NONE : error),
      failure: (error) => protocolError(error, `Heartbeat of group ${groupId}`),
    });
    return answer === NONE;
  }

  async leave(): Promise<void> {
    if (this.#state === 'left') return;
    this.#state = 'left';
    this.#returning?.cancel();
    await Promise.all([this.#session?.end(LEAVE_TIMEOUT_MS), this.#connections?.close()]);
    this.#events.complete();
  }

  async #start(): Promise<void> {
    const session = new Session(this.#settings, this.#options, {
      note: () => ({ ...this.#note, onDisk: this.#options.onDisk?.() ?? [] }),
      assigned: (membership, partitions, previous) => {
        if (session !== this.#session || this.#state === 'left') return;
        this.#crashes = 0;
        if (previous !== undefined && previous !== membership.memberId) this.#events.next({ type: 'lost', cause: 'The group had dropped this member' });
        this.#note = { generation: membership.generation, held: inOrderHeld(this.#note.held, partitions) };
        this.#events.next({ type: 'assigned', membership, partitions });
      },
      rebalancing: () => {
        if (session === this.#session && this.#state !== 'left') this.#events.next({ type: 'rebalancing' });
      },
      crashed: (cause) => this.#return(session, cause),
    });
    this.#session = session;
    await session.begin();
  }

  #return(session: Session, cause: string): void {
    if (session !== this.#session || this.#state === 'left') return;
    this.#session = undefined;
    void session.end(LEAVE_TIMEOUT_MS);
    this.#events.next({ type: 'lost', cause });
    if (this.#hasLeft()) return;
    const waitMs = Math.min(LONGEST_RETURN_MS, FIRST_RETURN_MS * 2 ** this.#crashes);
    this.#crashes = Math.min(this.#crashes + 1, 10);
    this.#settings.log.debug('The consumer group membership was lost', { groupId: this.#options.groupId, cause, returnInMs: waitMs });
    this.#returning = this.#settings.clock.after(waitMs, () => void this.#start());
  }

  /** A listener may have called `leave` from within an event. */
  #hasLeft(): boolean {
    return this.#state === 'left';
  }
}

interface SessionListener {
  note(): MemberNote;
  assigned(membership: Membership, partitions: readonly TopicPartition[], previousMemberId: string | undefined): void;
  rebalancing(): void;
  crashed(cause: string): void;
}

/** One consumer of KafkaJS, from its making to its crash or end. */
class Session {
  readonly #settings: ConnectionSettings;
  readonly #options: GroupOptions;
  readonly #listener: SessionListener;
  readonly #consumer: Consumer;
  #pools: ReadonlySet<RawConnectionPool> = new Set();
  /** KafkaJS's join event lacks the generation: it is read from the request that precedes the event. */
  #membership: Membership | undefined;
  #announced: string | undefined;
  #begun: Promise<void> | undefined;

  constructor(settings: ConnectionSettings, options: GroupOptions, listener: SessionListener) {
    this.#settings = settings;
    this.#options = options;
    this.#listener = listener;
    this.#consumer = new kafkajs.Kafka(kafkaConfig(settings)).consumer({
      groupId: options.groupId,
      sessionTimeout: options.sessionTimeoutMs,
      heartbeatInterval: options.heartbeatIntervalMs,
      rebalanceTimeout: options.rebalanceTimeoutMs,
      maxWaitTimeInMs: IDLE_WAIT_MS,
      allowAutoTopicCreation: false,
      retry: { ...RETRY, restartOnFailure: async () => false },
      partitionAssigners: [({ cluster }) => this.#assigner(cluster as unknown as RawCluster)],
    });
    const { GROUP_JOIN, REBALANCING, CRASH } = this.#consumer.events;
    this.#consumer.on(GROUP_JOIN, (event) => this.#joined(event));
    this.#consumer.on(REBALANCING, () => listener.rebalancing());
    this.#consumer.on(CRASH, (event) => listener.crashed(event.payload.error.message));
  }

  begin(): Promise<void> {
    this.#begun = this.#run().catch((thrown: unknown) => this.#listener.crashed(messageOf(thrown)));
    return this.#begun;
  }

  /** Leaves the group and closes the connections, by force when that takes longer than `timeoutMs`. */
  async end(timeoutMs: number): Promise<void> {
    const ended = (async () => {
      await this.#consumer.disconnect();
      await this.#begun;
      await this.#consumer.disconnect();
    })().catch(() => undefined);
    await new Promise<void>((resolve) => {
      const late = this.#settings.clock.after(timeoutMs, resolve);
      void ended.then(() => {
        late.cancel();
        resolve();
      });
    });
    for (const pool of this.#pools) cutConnections(pool, new kafkajs.KafkaJSNonRetriableError('The member has left'));
  }

  async #run(): Promise<void> {
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics: [...this.#options.topics] });
    await this.#consumer.run({ autoCommit: false, eachBatch: async () => undefined });
  }

  #joined({ payload }: ConsumerGroupJoinEvent): void {
    // Before the first fetch of the generation: KafkaJS emits this event synchronously.
    this.#consumer.pause(this.#options.topics.map((topic) => ({ topic })));
    const membership = this.#membership;
    if (membership === undefined || membership.memberId !== payload.memberId) {
      this.#listener.crashed('KafkaJS joined without a SyncGroup request that was seen');
      return;
    }
    const partitions = Object.entries(payload.memberAssignment).flatMap(([topic, numbers]) => numbers.map((partition) => ({ topic, partition })));
    const previous = this.#announced;
    this.#announced = membership.memberId;
    this.#listener.assigned(membership, partitions, previous);
  }

  #assigner(cluster: RawCluster): Assigner {
    this.#pools = quietTimers(cluster);
    this.#watchSync(cluster);
    const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol;
    return {
      name: ASSIGNER,
      version: 0,
      protocol: ({ topics }) => ({
        name: ASSIGNER,
        metadata: MemberMetadata.encode({ version: 0, topics, userData: Buffer.from(JSON.stringify(this.#listener.note())) }),
      }),
      assign: async ({ members, topics }) => {
        const described = members.map(({ memberId, memberMetadata }) => {
          const metadata = MemberMetadata.decode(memberMetadata);
          return { memberId, topics: metadata?.topics ?? [], ...readNote(metadata?.userData ?? Buffer.alloc(0)) };
        });
        const counts = new Map(topics.map((topic) => [topic, cluster.findTopicPartitionMetadata(topic).length]));
        return [...assignPartitions(described, counts)].map(([memberId, partitions]) => ({
          memberId,
          memberAssignment: MemberAssignment.encode({ version: 0, assignment: numbersByTopic(partitions), userData: Buffer.alloc(0) }),
        }));
      },
    };
  }

  #watchSync(cluster: RawCluster): void {
    const watched = new Set<RawBroker>();
    const find = cluster.findGroupCoordinator.bind(cluster);
    cluster.findGroupCoordinator = async (group) => {
      const broker = await find(group);
      if (watched.has(broker)) return broker;
      watched.add(broker);
      const syncGroup = broker.syncGroup.bind(broker);
      broker.syncGroup = async (request) => {
        const answer = await syncGroup(request);
        this.#membership = { memberId: request.memberId, generation: request.generationId };
        return answer;
      };
      return broker;
    };
  }
}

const numbersByTopic = (partitions: readonly TopicPartition[]): Record<string, number[]> => {
  const assignment: Record<string, number[]> = {};
  for (const { topic, partition } of partitions) (assignment[topic] ??= []).push(partition);
  return assignment;
};
