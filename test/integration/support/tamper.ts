/** Alters, drops or repeats one record in every sink of the engagement example, and puts it back. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BigQuery } from '@google-cloud/bigquery';
import { OAuth2Client } from 'google-auth-library';
import { Redis } from 'ioredis';
import { faults, names } from '../../../examples/engagement/names.ts';
import { startPartner, type Partner } from '../../../examples/engagement/partner/server.ts';
import type { Stack } from '../../../lib/stack/index.ts';
import { TamperedTopic } from './tamper-topic.ts';

export type How = 'altered' | 'dropped' | 'repeated';

interface Compared {
  readonly code: number;
  readonly stdout: string;
}

const COMPARE = join(import.meta.dirname, '..', '..', '..', 'examples', 'engagement', 'compare', 'main.ts');

/** The comparison as a process of its own, for its exit code. */
export const compareNow = async (environment: Readonly<Record<string, string>>): Promise<Compared> => {
  const child = spawn(process.execPath, [COMPARE], { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [code] = (await once(child, 'close')) as [number];
  return { code, stdout: Buffer.concat(chunks).toString('utf8') };
};

/** The sinks with a check that differs, sorted. */
export const differingSinks = (stdout: string): string[] => {
  const lines = stdout.split('\n').filter((line) => line.endsWith('DIFFERENT'));
  return [...new Set(lines.map((line) => line.split(/ {2,}/)[0]!))].sort();
};

class TamperedWarehouse {
  readonly #client: BigQuery;
  readonly #table = `\`${names.warehouse.dataset}.${names.warehouse.table}\``;
  readonly #backup = `\`${names.warehouse.dataset}.tamper_backup\``;
  #eventId = '';

  constructor(stack: Stack) {
    const { apiEndpoint, projectId } = stack.endpoints.bigquery!;
    const authClient = new OAuth2Client();
    authClient.setCredentials({ access_token: 'emulator' });
    this.#client = new BigQuery({ projectId, apiEndpoint, authClient, autoRetry: false } as ConstructorParameters<typeof BigQuery>[0]);
  }

  async tamper(how: How): Promise<void> {
    const [rows] = (await this.#client.query({ query: `SELECT CAST(min(event_id) AS STRING) AS id FROM ${this.#table} WHERE engagement_pct > 0` })) as unknown as [{ id: string }[]];
    this.#eventId = rows[0]!.id;
    const where = `WHERE event_id = ${this.#eventId}`;
    await this.#client.query({ query: `CREATE TABLE ${this.#backup} AS SELECT * FROM ${this.#table} ${where}` });
    const query = {
      altered: `UPDATE ${this.#table} SET engagement_pct = engagement_pct + 0.01 ${where}`,
      dropped: `DELETE FROM ${this.#table} ${where}`,
      repeated: `INSERT INTO ${this.#table} SELECT * FROM ${this.#backup}`,
    }[how];
    await this.#client.query({ query });
  }

  async restore(): Promise<void> {
    await this.#client.query({ query: `DELETE FROM ${this.#table} WHERE event_id = ${this.#eventId}` });
    await this.#client.query({ query: `INSERT INTO ${this.#table} SELECT * FROM ${this.#backup}` });
    await this.#client.query({ query: `DROP TABLE ${this.#backup}` });
  }
}

class TamperedRedis {
  readonly redis: Redis;
  readonly #dumps = new Map<string, Buffer | null>();

  constructor(url: string) {
    this.redis = new Redis(url);
  }

  async tamper(how: How): Promise<void> {
    const { redis } = this;
    const [content] = await redis.zrevrange(names.redis.top, 0, 0);
    const totals = `${names.redis.totals}${content}`;
    const copy = `${names.redis.totals}copy`;
    for (const key of [totals, copy, names.redis.top, names.redis.counters, names.redis.recent]) this.#dumps.set(key, await redis.dumpBuffer(key));
    const [[entryId, fields]] = (await redis.xrevrange(names.redis.recent, '+', '-', 'COUNT', 1)) as [[string, string[]]];
    if (how !== 'repeated') await redis.xdel(names.redis.recent, entryId);
    if (how === 'repeated') await redis.xadd(names.redis.recent, '*', ...fields);
    if (how === 'altered') await redis.xadd(names.redis.recent, '*', ...fields.map((field, i) => (fields[i - 1] === 'event_type' ? 'click!' : field)));
    switch (how) {
      case 'altered':
        await redis.hincrby(totals, 'engagement_ms', 1);
        await redis.zincrby(names.redis.top, 1, content!);
        await redis.hincrby(names.redis.counters, 'play', 1);
        return;
      case 'dropped':
        await redis.del(totals);
        await redis.zrem(names.redis.top, content!);
        await redis.hdel(names.redis.counters, 'play');
        return;
      case 'repeated':
        await redis.copy(totals, copy);
        await redis.zadd(names.redis.top, 1, `${content}, again`);
        await redis.hincrby(names.redis.counters, 'play', 1);
    }
  }

  async restore(): Promise<void> {
    for (const [key, dump] of this.#dumps) await (dump === null ? this.redis.del(key) : this.redis.restore(key, 0, dump, 'REPLACE'));
    this.#dumps.clear();
  }
}

/** A partner of the test's own, over a copy of what the real one keeps. */
class TamperedPartner {
  readonly #folder: string;
  readonly token: string;
  #original: string;
  #partner: Partner | null = null;

  constructor(folder: string, token: string, original: string) {
    this.#folder = folder;
    this.token = token;
    this.#original = original;
  }

  static async open(stack: Stack): Promise<TamperedPartner> {
    const folder = await mkdtemp(join(tmpdir(), 'partner-'));
    await cp(join(stack.dir, 'data', 'partner'), folder, { recursive: true });
    const partner = new TamperedPartner(folder, await readFile(join(folder, 'token'), 'utf8'), await readFile(join(folder, 'calls.jsonl'), 'utf8'));
    await partner.restore();
    return partner;
  }

  get url(): string {
    return this.#partner!.url;
  }

  async tamper(how: How): Promise<void> {
    const lines = this.#original.trimEnd().split('\n');
    const at = lines.findIndex((line) => line.includes('"type":"accepted"') && line.includes('"dropped":false') && /"engagement_seconds":"\d/.test(line));
    const line = lines[at]!;
    if (how === 'altered') lines[at] = line.replace(/"engagement_seconds":"(\d)/, '"engagement_seconds":"1$1');
    else if (how === 'dropped') lines.splice(at, 1);
    else lines.splice(at, 0, line);
    await this.#serve(`${lines.join('\n')}\n`);
  }

  restore(): Promise<void> {
    return this.#serve(this.#original);
  }

  async #serve(calls: string): Promise<void> {
    await this.#partner?.close();
    await writeFile(join(this.#folder, 'calls.jsonl'), calls);
    this.#partner = await startPartner({ port: 0, folder: this.#folder, token: this.token, faults });
  }

  async close(): Promise<void> {
    await this.#partner?.close();
    await rm(this.#folder, { recursive: true });
  }
}

export class TamperedSinks {
  readonly #environment: Readonly<Record<string, string>>;
  readonly #warehouse: TamperedWarehouse;
  readonly #redis: TamperedRedis;
  readonly #partner: TamperedPartner;
  readonly #topics: readonly TamperedTopic[];

  private constructor(stack: Stack, partner: TamperedPartner, topics: readonly TamperedTopic[]) {
    this.#environment = stack.environment;
    this.#warehouse = new TamperedWarehouse(stack);
    this.#redis = new TamperedRedis(stack.endpoints.redisUrl!);
    this.#partner = partner;
    this.#topics = topics;
  }

  static async open(stack: Stack): Promise<TamperedSinks> {
    const topics = [names.enrichedTopic, `${names.app}-partner-dlq`].map((topic) => new TamperedTopic(stack.endpoints.brokers, topic));
    for (const topic of topics) await topic.open();
    return new TamperedSinks(stack, await TamperedPartner.open(stack), topics);
  }

  get environment(): Readonly<Record<string, string>> {
    return { ...this.#environment, MILLRACE_PARTNER_URL: this.#partner.url, PARTNER_TOKEN: this.#partner.token };
  }

  async tamper(how: How): Promise<void> {
    for (const sink of [this.#warehouse, this.#redis, this.#partner, ...this.#topics]) await sink.tamper(how);
  }

  async restore(): Promise<void> {
    for (const sink of [this.#warehouse, this.#redis, this.#partner, ...this.#topics]) await sink.restore();
  }

  async close(): Promise<void> {
    this.#redis.redis.disconnect();
    await this.#partner.close();
    for (const topic of this.#topics) await topic.close();
  }
}
