import type { Service } from '../service.ts';
import { bigquery } from './bigquery.ts';
import { connect } from './connect.ts';
import { kafka } from './kafka.ts';
import { postgres } from './postgres.ts';
import { redis } from './redis.ts';
import { registry } from './registry.ts';

/** The servers of the local stack, by name. */
export const baseServices: readonly Service[] = [kafka, registry, postgres, redis, bigquery, connect];
