/** Rows and schemas that the type tests share. */
import { schema } from 'millrace/topology';

export interface Content {
  readonly id: string;
  readonly slug: string;
  readonly title: string;
  readonly length_seconds: number | null;
}

export interface EngagementEvent {
  readonly id: bigint;
  readonly content_id: string;
  readonly user_id: string;
  readonly event_type: 'play' | 'pause' | 'finish' | 'click';
  readonly event_ts: string;
  readonly duration_ms: number | null;
}

export interface Enriched {
  readonly event_id: string;
  readonly content_id: string;
  readonly event_type: 'play' | 'pause' | 'finish' | 'click';
  readonly seconds: number | null;
  readonly title: string | null;
}

export const contentRow = schema<Content>({ type: 'record', name: 'Content', fields: [] });
export const engagementEvent = schema<EngagementEvent>({ type: 'record', name: 'EngagementEvent', fields: [] });
export const enrichedSchema = schema<Enriched>({ type: 'record', name: 'Enriched', fields: [] });
