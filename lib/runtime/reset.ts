/** Taking an application back to before its first start, as far as Kafka and this machine's state folder go. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError, StopError } from '../core/errors.ts';
import type { KafkaAdmin } from '../kafka/port.ts';
import { names } from '../plan/names.ts';
import type { Plan, TopicPlan, TopicRole } from '../plan/types.ts';
import { folderName } from '../state/folders.ts';
import { isInternal, orphansOf } from './fit.ts';
import { backfillsOf, isDeadLetters, namedAfter, ownedBy, type Listed } from './owned.ts';
import { namedReaders } from './waiting.ts';

/**
 * What is deleted only when it is asked for: data products and topics of `kafka` sinks, dead letters, internal topics that no step has any more and their groups, what backfills that have not
 * ended have of their own, and, where only the application's name is known, what may be of another one that its name begins with.
 */
export const RESET_EXTRAS = ['outputs', 'dead-letters', 'orphans', 'backfills', 'doubtful'] as const;

export type ResetExtra = (typeof RESET_EXTRAS)[number];

const ROLES: Readonly<Record<'outputs' | 'dead-letters', readonly TopicRole[]>> = { outputs: ['through', 'sink'], 'dead-letters': ['dead-letter'] };

export interface Reset {
  readonly app: string;
  /** To be deleted; all of them exist. */
  readonly topics: readonly string[];
  /** To be deleted with their offsets; all of them exist. */
  readonly groups: readonly { readonly group: string; readonly members: number }[];
  /** To be deleted on this machine. */
  readonly folders: readonly string[];
  /** What the reset leaves as it is, and what that means. */
  readonly notes: readonly string[];
}

export interface ResetOptions {
  readonly admin: KafkaAdmin;
  /** The folder that holds the workers' state. */
  readonly stateDir: string;
  readonly extras: readonly ResetExtra[];
}

/** What is to be deleted, and what is to be said. */
interface Found extends Listed {
  readonly notes: readonly string[];
  /** Backfills that have their folders deleted too. */
  readonly backfills: readonly string[];
}

const listed = async (admin: KafkaAdmin): Promise<Listed> => ({ topics: await admin.listTopics(), groups: await admin.listGroups() });

/** What a reset would do now. Changes nothing. */
export const planReset = async (plan: Plan, options: ResetOptions): Promise<Reset> => {
  const { admin, extras } = options;
  const roles = [...(extras.includes('outputs') ? ROLES.outputs : []), ...(extras.includes('dead-letters') ? ROLES['dead-letters'] : [])];
  const wanted = plan.topics.filter((topic) => isInternal(topic) || roles.includes(topic.role)).map(({ topic }) => topic);
  const there = (await admin.describeTopics(wanted)).map(({ topic }) => topic);
  const orphans = await orphansOf(plan, admin);
  const taken = extras.includes('orphans') ? orphans : [];
  const all = await listed(admin);
  const unfinished = backfillsOf(plan.app, all);
  const own = [...plan.stages.map(({ group }) => group), ...taken.flatMap((topic) => namedReaders(plan.app, topic))];
  const groups = [...new Set(own)].filter((group) => all.groups.includes(group));
  return resetOf(plan.app, withBackfills({
    topics: [...there, ...taken], groups, backfills: [], notes: [...keptNotes(plan.topics, extras, orphans), ...sinkNotes(plan)],
  }, { unfinished, all, extras }), options);
};

/**
 * The same for an application of which there is only the name left: what its stages and stores were is read from the names in Kafka. What may be another application's is
 * not deleted. Throws `ConfigurationError` for a backfill, and when outputs are to be deleted: only a topology names them.
 */
export const planResetByName = async (app: string, options: ResetOptions): Promise<Reset> => {
  const { admin, extras } = options;
  const all = await listed(admin);
  if (extras.includes('outputs')) throw new ConfigurationError(['only the topology says what its outputs are: delete them with its file, or by themselves']);
  if (all.topics.includes(names.backfillRange(app))) {
    throw new ConfigurationError([`${app} is a backfill: discard it (millrace backfill FILE --name NAME --discard), or reset the application --with backfills`]);
  }
  const unfinished = backfillsOf(app, all);
  const ofBackfills = namedAfter(all, unfinished);
  const owned = ownedBy(app, { topics: all.topics.filter((topic) => !ofBackfills.topics.includes(topic)), groups: all.groups.filter((group) => !ofBackfills.groups.includes(group)) });
  const asked = (topic: string): boolean => extras.includes('dead-letters') || !isDeadLetters(topic);
  const doubtful = { topics: owned.doubtful.topics.filter(asked), groups: owned.doubtful.groups };
  const others = owned.others.filter(asked);
  const sure = owned.topics.map(({ topic }) => topic).filter(asked);
  const taken = extras.includes('doubtful') ? doubtful : { topics: [], groups: [] };
  return resetOf(app, withBackfills({
    topics: [...sure, ...taken.topics], groups: [...owned.groups, ...taken.groups], backfills: [],
    notes: [
      ...(extras.includes('doubtful') ? [] : doubtNotes(app, [...doubtful.groups, ...doubtful.topics])),
      ...(others.length === 0 ? [] : [`kept, since they may be of an application whose name begins with ${app}: ${others.toSorted().join(', ')}`]),
      'kept: its data products and topics of kafka sinks, which only its topology names, and what is in outside systems',
      `if it wrote to Redis: delete the keys millrace:fence:${app}:* and the data, before an application of this name starts again`,
    ],
  }, { unfinished, all, extras }), options);
};

const resetOf = async (app: string, { topics, groups, backfills, notes }: Found, { admin, stateDir }: ResetOptions): Promise<Reset> => {
  const sizes = await admin.groupSizes(groups);
  return {
    app,
    topics: topics.toSorted(),
    groups: groups.map((group, i) => ({ group, members: sizes[i]! })),
    folders: [app, ...backfills].map((of) => join(stateDir, folderName(of))).filter((folder) => existsSync(folder)),
    notes,
  };
};

interface Backfills {
  readonly unfinished: readonly string[];
  readonly all: Listed;
  readonly extras: readonly ResetExtra[];
}

/** With all that is theirs, if that is asked for. */
const withBackfills = (found: Found, { unfinished, all, extras }: Backfills): Found => {
  if (unfinished.length === 0) return found;
  const name = unfinished.join(', ');
  if (!extras.includes('backfills')) {
    return { ...found, notes: [...found.notes, `kept: ${name}, ${unfinished.length === 1 ? 'a backfill that has' : 'backfills that have'} not ended (--with backfills deletes what is in Kafka of it)`] };
  }
  const own = namedAfter(all, unfinished);
  return {
    topics: [...found.topics, ...own.topics.filter((topic) => !isDeadLetters(topic) || extras.includes('dead-letters'))],
    groups: [...found.groups, ...own.groups],
    backfills: unfinished,
    notes: [...found.notes, `Redis may hold marks and fences of ${name}: millrace backfill FILE --name NAME --discard takes them away`],
  };
};

const doubtNotes = (app: string, doubtful: readonly string[]): string[] =>
  (doubtful.length === 0 ? [] : [`kept, since they may be of another application, which the name ${app} begins with: ${doubtful.toSorted().join(', ')} (--with doubtful deletes them)`]);

const keptNotes = (topics: readonly TopicPlan[], extras: readonly ResetExtra[], orphans: readonly string[]): string[] => {
  const outputs = topics.filter(({ role }) => ROLES.outputs.includes(role)).map(({ topic }) => topic);
  return [
    ...(outputs.length === 0 || extras.includes('outputs') ? [] : [`kept: ${outputs.join(', ')}; what is computed again is added to what is there (--with outputs deletes them)`]),
    ...(orphans.length === 0 || extras.includes('orphans') ? [] : [`kept, though no step has them any more: ${orphans.join(', ')} (--with orphans deletes them)`]),
  ];
};

const sinkNotes = ({ app, stages }: Plan): string[] => {
  const outside = stages.flatMap(({ sink }) => (sink === null ? [] : [sink]));
  const redis = outside.filter(({ sink }) => sink.kind === 'redis').map(({ name }) => name);
  return [
    ...(outside.length === 0 ? [] : [`kept: what is in outside systems (${outside.map(({ name }) => name).join(', ')}); it is written to them again`]),
    ...(redis.length === 0 ? [] : [`Redis knows how far ${redis.join(', ')} had come: delete the keys millrace:fence:${app}:* and the data, before the next start`]),
  ];
};

/**
 * Does it. Throws `StopError` while a group has members. Topics go first: cut short, the next start finds offsets without
 * state and refuses; the other way round it would find state without offsets, and count everything again on top.
 */
export const applyReset = async ({ topics, groups, folders }: Reset, admin: KafkaAdmin): Promise<void> => {
  const ids = groups.map(({ group }) => group);
  const sizes = await admin.groupSizes(ids);
  const busy = ids.flatMap((group, i) => (sizes[i] === 0 ? [] : [`${group} (${sizes[i]})`]));
  if (busy.length > 0) {
    throw new StopError(`workers of the application are members of ${busy.join(', ')}`, { hint: 'Stop them first; one that was killed is a member until its session has timed out' });
  }
  await admin.deleteTopics(topics);
  await admin.deleteGroups(ids);
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
};
