/** Compares what every sink holds with the truth, record by record where it can be told apart. */
import type { Redis } from 'ioredis';
import type { JavaRecord } from './java-reader.ts';
import type { Partner } from './partner.ts';
import type { Copy, Step } from './topology.ts';
import type { Truth } from './truth.ts';
import type { Warehouse } from './warehouse.ts';

export interface Findings {
  /** Records that a sink lacks, summed over the sinks. */
  lost: number;
  /** Records that a sink holds more than once, summed over the sinks. */
  duplicated: number;
  /** One line for each thing that is not as it must be. */
  readonly failures: string[];
}

const SHOWN = 5;

const shown = (names: readonly string[]): string => `${names.slice(0, SHOWN).join(', ')}${names.length > SHOWN ? `, and ${names.length - SHOWN} more` : ''}`;

const jsonOf = <T>(record: JavaRecord): T => JSON.parse(record.value) as T;

/** Every place of the source once, and no other. */
const checkPlaces = (sink: string, places: readonly string[], truth: Truth, findings: Findings): void => {
  const seen = new Map<string, number>();
  for (const place of places) seen.set(place, (seen.get(place) ?? 0) + 1);
  const lost = [...truth.sales.keys()].filter((place) => !seen.has(place));
  const doubled = [...seen].filter(([, count]) => count > 1).map(([place, count]) => `${place} ${count} times`);
  const foreign = [...seen.keys()].filter((place) => !truth.sales.has(place));
  findings.lost += lost.length;
  findings.duplicated += places.length - seen.size;
  if (lost.length > 0) findings.failures.push(`${sink}: ${lost.length} of ${truth.sales.size} events are missing: ${shown(lost)}`);
  if (doubled.length > 0) findings.failures.push(`${sink}: ${doubled.length} events came more than once: ${shown(doubled)}`);
  if (foreign.length > 0) findings.failures.push(`${sink}: ${foreign.length} records belong to no event: ${shown(foreign)}`);
};

export const checkCopy = (records: readonly JavaRecord[], truth: Truth, findings: Findings): void => {
  const copies = records.map((record) => jsonOf<Copy>(record));
  checkPlaces('topic copy', copies.map(({ at }) => at), truth, findings);
  const wrong = copies.filter(({ at, category, cents }) => truth.sales.get(at)?.category !== category || truth.sales.get(at)?.cents !== cents).map(({ at }) => at);
  if (wrong.length > 0) findings.failures.push(`topic copy: ${wrong.length} records differ from their events: ${shown(wrong)}`);
};

/** Per user the totals count from 1 without a gap, in the order of the topic, and each sum is the last one plus its event. */
export const checkTotals = (records: readonly JavaRecord[], truth: Truth, findings: Findings): void => {
  const steps = records.map((record) => ({ key: record.key, ...jsonOf<Step>(record) }));
  checkPlaces('topic totals', steps.map(({ at }) => at), truth, findings);
  const last = new Map<string, { n: number; cents: number }>();
  const wrong: string[] = [];
  for (const { key, at, n, cents } of steps) {
    const { n: before, cents: sum } = last.get(key) ?? { n: 0, cents: 0 };
    const sale = truth.sales.get(at);
    if (sale?.user !== key || n !== before + 1 || cents !== sum + sale.cents) wrong.push(`${key} at ${at}: n ${n} after ${before}`);
    last.set(key, { n, cents });
  }
  if (wrong.length > 0) findings.failures.push(`topic totals: ${wrong.length} steps do not follow from the one before: ${shown(wrong)}`);
};

export const checkCounters = async (redis: Redis, key: string, truth: Truth, findings: Findings): Promise<void> => {
  const found = await redis.hgetall(key);
  for (const { category, n, cents } of truth.byCategory.values()) {
    const counted = Number(found[`${category}:n`] ?? 0);
    findings.lost += Math.max(0, n - counted);
    findings.duplicated += Math.max(0, counted - n);
    if (counted !== n) findings.failures.push(`Redis counters: ${category} has ${counted} events instead of ${n}`);
    else if (Number(found[`${category}:cents`]) !== cents) findings.failures.push(`Redis counters: ${category} has ${found[`${category}:cents`]} cents instead of ${cents}`);
  }
};

export const checkBoard = async (redis: Redis, key: string, truth: Truth, findings: Findings): Promise<void> => {
  // Member, score, member, score; in pairs or not, as the protocol's version has it.
  const flat = ((await redis.call('ZRANGE', key, '0', '-1', 'WITHSCORES')) as (string | string[])[]).flat();
  const found = new Map(Array.from({ length: flat.length / 2 }, (_, i): [string, number] => [flat[2 * i]!, Number(flat[2 * i + 1])]));
  const wrong = [...truth.centsByUser].filter(([user, cents]) => found.get(user) !== cents).map(([user, cents]) => `${user} has ${found.get(user)} instead of ${cents}`);
  if (wrong.length > 0 || found.size !== truth.centsByUser.size) findings.failures.push(`Redis board: ${found.size} users instead of ${truth.centsByUser.size}; ${shown(wrong)}`);
};

export const checkPartner = (partner: Partner, truth: Truth, findings: Findings): void => {
  checkPlaces('partner', [...partner.accepted.keys()], truth, findings);
  if (partner.conflicts.length > 0) findings.failures.push(`partner: ${partner.conflicts.length} repeated requests said something else: ${shown(partner.conflicts)}`);
  const wrong = [...partner.accepted].filter(([at, { body }]) => (JSON.parse(body) as { readonly cents: number }).cents !== truth.sales.get(at)?.cents).map(([at]) => at);
  if (wrong.length > 0) findings.failures.push(`partner: ${wrong.length} requests differ from their events: ${shown(wrong)}`);
};

/** By distinct id; and the sums that SQL makes of the rows are those of the events. */
export const checkWarehouse = async (warehouse: Warehouse, truth: Truth, findings: Findings): Promise<void> => {
  const { records } = await warehouse.counts();
  findings.lost += Math.max(0, truth.sales.size - records);
  if (records !== truth.sales.size) findings.failures.push(`BigQuery: ${records} distinct ids instead of ${truth.sales.size}`);
  const found = new Map((await warehouse.sums()).map((sum) => [sum.category, sum]));
  for (const { category, n, cents } of truth.byCategory.values()) {
    const sum = found.get(category);
    if (sum?.n !== n || sum.cents !== cents) findings.failures.push(`BigQuery: SQL finds ${sum?.n ?? 0} events and ${sum?.cents ?? 0} cents for ${category} instead of ${n} and ${cents}`);
  }
};
