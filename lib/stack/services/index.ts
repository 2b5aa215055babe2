import type { Service } from '../service.ts';
import { bigquery } from './bigquery.ts';
import { cassandra } from './cassandra.ts';
import { connect } from './connect.ts';
import { kafka } from './kafka.ts';
import { postgres } from './postgres.ts';
import { redis } from './redis.ts';
import { registry } from './registry.ts';

/** The servers of the local stack that start unless told otherwise, by name. */
export const baseServices: readonly Service[] = [kafka, registry, postgres, redis, bigquery, connect];
/** Those that are started only where somebody asks for them. */
export const optionalServices: readonly Service[] = [cassandra];
export const ownServices: readonly Service[] = [...baseServices, ...optionalServices];
