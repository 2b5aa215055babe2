import { Subject, type Observable } from 'rxjs';
import type { Clock, Timer } from '../../core/clock.ts';
import { messageOf, StopError } from '../../core/errors.ts';
import { inOrderHeld } from '../assigner.ts';
import type { GroupEvent, GroupMember, GroupOptions, Membership } from '../port.ts';
import type { MemoryBroker } from './broker.ts';
import type { JoinAnswer } from './groups.ts';
import type { Network } from './network.ts';
import { isRefusal } from './refusal.ts';

/** Waits before a new session after a crash: the first one, and the longest. */
const FIRST_RETURN_MS = 500;
const LONGEST_RETURN_MS = 3_000;
/** Attempts at a heartbeat that gets no answer, before the session counts as crashed. */
const HEARTBEAT_ATTEMPTS = 2;

export interface MemberOptions {
  readonly broker: MemoryBroker;
  readonly network: Network;
  readonly clock: Clock;
  readonly requestTimeoutMs: number;
}

/** Membership as the port over a real cluster lives it: heartbeats, joins that wait for all, and a new session after a crash. */
export class MemoryMember implements GroupMember {
  readonly events$: Observable<GroupEvent>;
  readonly #events = new Subject<GroupEvent>();
  readonly #options: MemberOptions;
  readonly #group: GroupOptions;
  #state: 'new' | 'joined' | 'left' = 'new';
  /** Grows with every session: what an older one still does is of no account. */
  #session = 0;
  #crashes = 0;
  #returning: Timer | null = null;
  #membership: Membership | null = null;
  #held: readonly number[] = [];
  #generation = -1;

  constructor(options: MemberOptions, group: GroupOptions) {
    this.#options = options;
    this.#group = group;
    this.events$ = this.#events.asObservable();
  }

  /** Resolves when the first attempt to join is over; the outcome comes as an event. */
  async join(): Promise<void> {
    if (this.#state !== 'new') throw new StopError(`The member of group ${this.#group.groupId} was asked to join twice`);
    this.#state = 'joined';
    await this.#begin();
  }

  async isCurrent(membership: Membership): Promise<boolean> {
    const { broker, network } = this.#options;
    try {
      await network.call('Heartbeat', () => broker.group(this.#group.groupId).heartbeat(membership));
      return true;
    } catch (error) {
      if (isRefusal(error, 'UNKNOWN_MEMBER_ID', 'REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION')) return false;
      throw error;
    }
  }

  async leave(): Promise<void> {
    if (this.#state === 'left') return;
    this.#state = 'left';
    this.#session += 1;
    this.#returning?.cancel();
    await this.#depart(this.#membership);
    this.#events.complete();
  }

  async #depart(membership: Membership | null): Promise<void> {
    if (membership === null) return;
    const { broker, network } = this.#options;
    await network.call('LeaveGroup', () => broker.group(this.#group.groupId).leave(membership.memberId)).catch(() => undefined);
  }

  #isOver(session: number): boolean {
    return session !== this.#session || this.#state === 'left';
  }

  /** Resolves when the first join has been answered; goes on with heartbeats. */
  async #begin(): Promise<void> {
    this.#session += 1;
    const session = this.#session;
    try {
      await this.#joinOnce(session, '');
    } catch (error) {
      this.#crashed(session, messageOf(error));
      return;
    }
    void this.#live(session);
  }

  async #live(session: number): Promise<void> {
    try {
      while (!this.#isOver(session)) {
        await this.#options.clock.sleep(this.#group.heartbeatIntervalMs);
        if (this.#isOver(session)) return;
        const rejoinAs = await this.#heartbeat(session);
        if (rejoinAs !== null && !this.#isOver(session)) await this.#joinOnce(session, rejoinAs);
      }
    } catch (error) {
      this.#crashed(session, messageOf(error));
    }
  }

  /** Null: all is well; else the member id to join again with. */
  async #heartbeat(session: number): Promise<string | null> {
    const { broker, network } = this.#options;
    const membership = this.#membership!;
    for (let attempt = 1; ; attempt += 1) {
      try {
        await network.call('Heartbeat', () => broker.group(this.#group.groupId).heartbeat(membership));
        return null;
      } catch (error) {
        if (isRefusal(error, 'UNKNOWN_MEMBER_ID')) return '';
        if (isRefusal(error, 'REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION')) {
          if (!this.#isOver(session)) this.#events.next({ type: 'rebalancing' });
          return membership.memberId;
        }
        if (attempt >= HEARTBEAT_ATTEMPTS) throw error;
      }
    }
  }

  async #joinOnce(session: number, memberId: string): Promise<void> {
    const { broker, network, requestTimeoutMs } = this.#options;
    const { groupId, topics, sessionTimeoutMs, rebalanceTimeoutMs } = this.#group;
    const request = { memberId, topics, sessionTimeoutMs, rebalanceTimeoutMs, held: this.#held, generation: this.#generation, onDisk: this.#group.onDisk?.() ?? [] };
    let answer: JoinAnswer;
    try {
      answer = await network.call('JoinGroup', () => broker.group(groupId).join(request), requestTimeoutMs + rebalanceTimeoutMs);
    } catch (error) {
      if (memberId === '' || !isRefusal(error, 'UNKNOWN_MEMBER_ID')) throw error;
      if (!this.#isOver(session)) await this.#joinOnce(session, '');
      return;
    }
    if (this.#isOver(session)) {
      void this.#depart(answer.membership);
      return;
    }
    this.#announce(answer);
  }

  #announce({ membership, partitions }: JoinAnswer): void {
    const former = this.#membership;
    this.#crashes = 0;
    this.#membership = membership;
    this.#held = inOrderHeld(this.#held, partitions);
    this.#generation = membership.generation;
    if (former !== null && former.memberId !== membership.memberId) this.#events.next({ type: 'lost', cause: 'The group had dropped this member' });
    this.#events.next({ type: 'assigned', membership, partitions });
  }

  #crashed(session: number, cause: string): void {
    if (this.#isOver(session)) return;
    const membership = this.#membership;
    this.#session += 1;
    this.#membership = null;
    void this.#depart(membership);
    this.#events.next({ type: 'lost', cause });
    if (this.#hasLeft()) return;
    const waitMs = Math.min(LONGEST_RETURN_MS, FIRST_RETURN_MS * 2 ** this.#crashes);
    this.#crashes = Math.min(this.#crashes + 1, 10);
    this.#returning = this.#options.clock.after(waitMs, () => void this.#begin());
  }

  /** A listener may have called `leave` from within an event. */
  #hasLeft(): boolean {
    return this.#state === 'left';
  }
}
