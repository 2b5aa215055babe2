/** Taking an application back to before its first start, as far as Kafka and this machine's state folder go. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { StopError } from '../core/errors.ts';
import type { KafkaAdmin } from '../kafka/port.ts';
import type { Plan, TopicPlan, TopicRole } from '../plan/types.ts';
import { folderName } from '../state/folders.ts';
import { isInternal, orphansOf } from './fit.ts';

/** What is deleted only when it is asked for: data products and topics of `kafka` sinks, dead letters, changelogs that no step has any more. */
export const RESET_EXTRAS = ['outputs', 'dead-letters', 'orphans'] as const;

export type ResetExtra = (typeof RESET_EXTRAS)[number];

const ROLES: Readonly<Record<ResetExtra, readonly TopicRole[]>> = { outputs: ['through', 'sink'], 'dead-letters': ['dead-letter'], orphans: [] };

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

/** What a reset would do now. Changes nothing. */
export const planReset = async (plan: Plan, { admin, stateDir, extras }: ResetOptions): Promise<Reset> => {
  const roles = extras.flatMap((extra) => ROLES[extra]);
  const wanted = plan.topics.filter((topic) => isInternal(topic) || roles.includes(topic.role)).map(({ topic }) => topic);
  const there = (await admin.describeTopics(wanted)).map(({ topic }) => topic);
  const orphans = await orphansOf(plan, admin);
  const listed = await admin.listGroups();
  const groups = plan.stages.map(({ group }) => group).filter((group) => listed.includes(group));
  const sizes = await admin.groupSizes(groups);
  const folder = join(stateDir, folderName(plan.app));
  return {
    app: plan.app,
    topics: [...there, ...(extras.includes('orphans') ? orphans : [])].toSorted(),
    groups: groups.map((group, i) => ({ group, members: sizes[i]! })),
    folders: existsSync(folder) ? [folder] : [],
    notes: [...keptNotes(plan.topics, extras, orphans), ...sinkNotes(plan)],
  };
};

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
  const names = groups.map(({ group }) => group);
  const sizes = await admin.groupSizes(names);
  const busy = names.flatMap((group, i) => (sizes[i] === 0 ? [] : [`${group} (${sizes[i]})`]));
  if (busy.length > 0) {
    throw new StopError(`workers of the application are members of ${busy.join(', ')}`, { hint: 'Stop them first; one that was killed is a member until its session has timed out' });
  }
  await admin.deleteTopics(topics);
  await admin.deleteGroups(names);
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
};
