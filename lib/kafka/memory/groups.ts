import type { Clock, Timer } from '../../core/clock.ts';
import { assignPartitions } from '../assigner.ts';
import type { CommittedPosition, Membership, Position, TopicPartition } from '../port.ts';
import type { Transaction } from './log.ts';
import { refusal } from './refusal.ts';
import { partitionName, type Participant } from './transactions.ts';

export interface JoinRequest {
  /** Empty: a new member. */
  readonly memberId: string;
  readonly topics: readonly string[];
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  /** What it held, and in which generation. */
  readonly held: readonly number[];
  readonly generation: number;
  /** Partition numbers whose state it has on disk. */
  readonly onDisk: readonly number[];
}

export interface JoinAnswer {
  readonly membership: Membership;
  readonly partitions: readonly TopicPartition[];
}

interface Member {
  readonly id: string;
  request: JoinRequest;
  waiting: ((answer: JoinAnswer) => void) | null;
  session: Timer | null;
}

export interface GroupSettings {
  readonly clock: Clock;
  /** How long the first join of an empty group waits for others, ms (`group.initial.rebalance.delay.ms`). */
  readonly initialDelayMs: number;
  readonly partitionCount: (topic: string) => number;
  readonly onOffset: (group: string, position: Position, before: number | undefined) => void;
}

/** One consumer group at its coordinator: members, generations, offsets. The leader's part is done here, with the assigner that members use. */
export class Group implements Participant {
  readonly name: string;
  readonly #id: string;
  readonly #settings: GroupSettings;
  readonly #members = new Map<string, Member>();
  readonly #offsets = new Map<string, CommittedPosition>();
  /** Offsets in transactions that have not ended here, by transaction. */
  readonly #pending = new Map<Transaction, CommittedPosition[]>();
  #generation = 0;
  #joining = false;
  #deadline: Timer | null = null;
  #ids = 0;

  constructor(id: string, settings: GroupSettings) {
    this.#id = id;
    this.name = `group ${id}`;
    this.#settings = settings;
  }

  /** Members now. */
  get size(): number {
    return this.#members.size;
  }

  /** Whether it has members or committed positions: else a cluster knows nothing of it. */
  get exists(): boolean {
    return this.#members.size > 0 || this.#offsets.size > 0;
  }

  join(request: JoinRequest): Promise<JoinAnswer> {
    let member = this.#members.get(request.memberId);
    if (request.memberId !== '' && member === undefined) throw refusal('UNKNOWN_MEMBER_ID', `JoinGroup of ${this.#id}`);
    if (member === undefined) {
      this.#ids += 1;
      member = { id: `${this.#id}-${this.#ids}`, request, waiting: null, session: null };
      this.#members.set(member.id, member);
    }
    member.request = request;
    member.session?.cancel();
    const joined = new Promise<JoinAnswer>((resolve) => {
      member.waiting = resolve;
    });
    this.#rebalance();
    this.#completeWhenAll();
    return joined;
  }

  #rebalance(): void {
    if (this.#joining) return;
    this.#joining = true;
    const members = [...this.#members.values()];
    const first = members.length === 1 && this.#generation === 0;
    const waitMs = first ? this.#settings.initialDelayMs : Math.max(0, ...members.map((m) => m.request.rebalanceTimeoutMs));
    this.#deadline = this.#settings.clock.after(waitMs, () => this.#complete());
    if (first && this.#settings.initialDelayMs > 0) return;
    this.#completeWhenAll();
  }

  #completeWhenAll(): void {
    if (!this.#joining || (this.#generation === 0 && this.#settings.initialDelayMs > 0)) return;
    if ([...this.#members.values()].every((m) => m.waiting !== null)) this.#complete();
  }

  #complete(): void {
    this.#deadline?.cancel();
    this.#joining = false;
    this.#generation += 1;
    for (const member of [...this.#members.values()]) {
      if (member.waiting === null) {
        member.session?.cancel();
        this.#members.delete(member.id);
      }
    }
    const members = [...this.#members.values()];
    const topics = new Set(members.flatMap((m) => m.request.topics));
    const counts = new Map([...topics].map((topic) => [topic, this.#settings.partitionCount(topic)]));
    const assignment = assignPartitions(members.map(({ id, request }) => ({ memberId: id, topics: request.topics, held: request.held, generation: request.generation, onDisk: request.onDisk })), counts);
    for (const member of members) {
      const { waiting } = member;
      member.waiting = null;
      this.#watch(member);
      waiting!({ membership: { memberId: member.id, generation: this.#generation }, partitions: assignment.get(member.id)! });
    }
  }

  #watch(member: Member): void {
    member.session?.cancel();
    member.session = this.#settings.clock.after(member.request.sessionTimeoutMs, () => {
      if (member.waiting === null) this.leave(member.id);
    });
  }

  heartbeat({ memberId, generation }: Membership): void {
    const member = this.#known(memberId, 'Heartbeat');
    if (generation !== this.#generation) throw refusal('ILLEGAL_GENERATION', `Heartbeat of ${this.#id}`);
    this.#watch(member);
    if (this.#joining) throw refusal('REBALANCE_IN_PROGRESS', `Heartbeat of ${this.#id}`);
  }

  leave(memberId: string): void {
    const member = this.#members.get(memberId);
    if (member === undefined) return;
    member.session?.cancel();
    this.#members.delete(memberId);
    if (this.#members.size === 0) {
      this.#deadline?.cancel();
      this.#joining = false;
      return;
    }
    this.#rebalance();
    this.#completeWhenAll();
  }

  #known(memberId: string, call: string): Member {
    const member = this.#members.get(memberId);
    if (member === undefined) throw refusal('UNKNOWN_MEMBER_ID', `${call} of ${this.#id}`);
    return member;
  }

  /** Offsets that count once the transaction has committed. A named member must be of the present generation. */
  prepareOffsets(transaction: Transaction, positions: readonly CommittedPosition[], member: Membership | undefined): void {
    if (member !== undefined) this.#present(member, 'TxnOffsetCommit');
    this.#pending.set(transaction, [...(this.#pending.get(transaction) ?? []), ...positions]);
  }

  mark(transaction: Transaction): void {
    const positions = this.#pending.get(transaction) ?? [];
    this.#pending.delete(transaction);
    if (transaction.outcome === 'committed') this.commitOffsets(positions);
  }

  /** Offsets that count at once, of a member of the present generation. */
  commitAs(member: Membership, positions: readonly CommittedPosition[]): void {
    this.#present(member, 'OffsetCommit');
    this.commitOffsets(positions);
  }

  #present({ memberId, generation }: Membership, call: string): void {
    this.#known(memberId, call);
    if (generation !== this.#generation) throw refusal('ILLEGAL_GENERATION', `${call} of ${this.#id}`);
  }

  commitOffsets(positions: readonly CommittedPosition[]): void {
    for (const position of positions) {
      const name = partitionName(position);
      this.#settings.onOffset(this.#id, position, this.#offsets.get(name)?.offset);
      this.#offsets.set(name, position);
    }
  }

  /** The stable answer: refused while a transaction that may change it has not ended. */
  committed(partitions: readonly TopicPartition[]): CommittedPosition[] {
    const asked = new Set(partitions.map(partitionName));
    for (const positions of this.#pending.values()) {
      if (positions.some((p) => asked.has(partitionName(p)))) throw refusal('UNSTABLE_OFFSET_COMMIT', `OffsetFetch of ${this.#id}`);
    }
    return partitions.flatMap((p) => this.#offsets.get(partitionName(p)) ?? []);
  }

  /** What has been committed, whatever is pending. */
  offsetOf(partition: TopicPartition): number | undefined {
    return this.#offsets.get(partitionName(partition))?.offset;
  }
}
