/**
 * Workers of one application on one machine share a state folder: each takes the first numbered folder in it that no other worker has.
 *
 * Whether a worker lives is told by a socket of its own, which ends with its process however that ends, also a process of another
 * container that shares the folder. A claim is a file `<slot>.<turn>` that names such a socket. It appears whole (a link), and only one
 * process can make it; the highest turn counts, and its file stays, so that nobody who has looked earlier can take the same turn again.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, linkSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { ConfigurationError, messageOf } from '../core/errors.ts';
import { isNotWritable, notWritable } from './disk-errors.ts';
import { folderName } from './folders.ts';

export interface Slot {
  readonly number: number;
  /** The worker's own folder. */
  readonly folder: string;
  release(): Promise<void>;
}

const CLAIMS = 'claims';
/** Of a socket's path, with the zero behind it; Linux has 108, others less. */
const MOST_PATH_BYTES = 100;
const MOST_SLOTS = 10_000;

interface Claim {
  readonly slot: number;
  readonly turn: number;
}

/** A path that a socket may have: a long one is reached through the open folder. */
class Sockets {
  readonly #folder: string;
  readonly #descriptor: number | null;

  constructor(folder: string) {
    this.#folder = folder;
    this.#descriptor = Buffer.byteLength(folder) > MOST_PATH_BYTES - 16 ? openSync(folder, 'r') : null;
  }

  path(token: string): string {
    return this.#descriptor === null ? join(this.#folder, token) : `/proc/self/fd/${this.#descriptor}/${token}`;
  }

  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
  }

  listen(token: string): Promise<Server> {
    return new Promise((resolve, reject) => {
      const server = createServer((socket) => socket.destroy());
      server.once('error', reject);
      server.listen({ path: this.path(token) }, () => resolve(server));
      server.unref();
    });
  }

  /** Dead only where the system says so: one that is stopped or busy does not answer, and lives. */
  isDead(token: string): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect({ path: this.path(token) });
      socket.once('connect', () => {
        socket.destroy();
        resolve(false);
      });
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED' || error.code === 'ENOENT'));
    });
  }
}

/** The claims that count, by slot. */
const claimsIn = (folder: string): ReadonlyMap<number, Claim> => {
  const claims = new Map<number, Claim>();
  for (const name of readdirSync(folder)) {
    const [, slot, turn] = /^(\d+)\.(\d+)$/.exec(name) ?? [];
    if (slot === undefined) continue;
    const claim = { slot: Number(slot), turn: Number(turn) };
    if ((claims.get(claim.slot)?.turn ?? -1) < claim.turn) claims.set(claim.slot, claim);
  }
  return claims;
};

const fileOf = (folder: string, { slot, turn }: Claim): string => join(folder, `${slot}.${turn}`);

/** Whose claim it is; null when it has just been followed by a later one. */
const tokenOf = (folder: string, claim: Claim): string | null => {
  try {
    return readFileSync(fileOf(folder, claim), 'utf8');
  } catch {
    return null;
  }
};

/** Makes the claim, if nobody has it and no later one is there. */
const take = (folder: string, claim: Claim, token: string): boolean => {
  const draft = join(folder, `${token}.draft`);
  writeFileSync(draft, token);
  try {
    linkSync(draft, fileOf(folder, claim));
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw thrown;
  } finally {
    rmSync(draft, { force: true });
  }
  if (claimsIn(folder).get(claim.slot)!.turn === claim.turn) return true;
  rmSync(fileOf(folder, claim), { force: true });
  return false;
};

const firstFree = async (folder: string, sockets: Sockets, token: string): Promise<number> => {
  for (let slot = 1; slot <= MOST_SLOTS;) {
    const held = claimsIn(folder).get(slot);
    const holder = held === undefined ? null : tokenOf(folder, held);
    if (held !== undefined && (holder === null || !(await sockets.isDead(holder)))) {
      // Followed by a later claim, of somebody who lives.
      slot += 1;
      continue;
    }
    const claim = { slot, turn: (held?.turn ?? 0) + 1 };
    if (!take(folder, claim, token)) continue;
    if (held !== undefined) rmSync(fileOf(folder, held), { force: true });
    if (holder !== null) rmSync(join(folder, holder), { force: true });
    return slot;
  }
  throw new ConfigurationError([`${MOST_SLOTS} workers use the state folder ${folder}`]);
};

/** Takes a folder for this worker. Rejects with `ConfigurationError` when the state folder cannot be written. */
export const claimSlot = async (stateFolder: string, app: string): Promise<Slot> => {
  const folder = join(stateFolder, folderName(app));
  const claims = join(folder, CLAIMS);
  const token = randomUUID().slice(0, 8);
  try {
    mkdirSync(claims, { recursive: true });
    const sockets = new Sockets(claims);
    const server = await sockets.listen(token);
    const number = await firstFree(claims, sockets, token);
    const own = join(folder, String(number));
    mkdirSync(own, { recursive: true });
    return {
      number,
      folder: own,
      release: async () => {
        await new Promise((resolve) => server.close(resolve));
        sockets.close();
      },
    };
  } catch (thrown) {
    if (thrown instanceof ConfigurationError) throw thrown;
    if (isNotWritable(thrown)) throw notWritable(stateFolder, thrown);
    throw new ConfigurationError([`the state folder ${stateFolder} cannot be used: ${messageOf(thrown)}`], { cause: thrown });
  }
};
