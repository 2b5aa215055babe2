/** What the pipeline's inputs and outputs are called, for whoever sets them up and reads them. */
export const names = {
  app: 'outbox',
  /** In PostgreSQL; beside the engagement example's, so that neither pipeline sees the other's events. */
  database: 'outbox',
  contentTopic: 'outbox.public.content',
  eventsTopic: 'outbox.event.engagement',
  /** What a run can be without, and the sinks that go with it. */
  systems: [
    { name: 'cassandra', sinks: ['metrics'] },
    { name: 'redis', sinks: ['events'] },
  ],
  redisPrefix: 'engagement_events:event:',
  cassandraTable: 'content_analytics.engagement_metrics',
} as const;

/** How long the hash of an event is kept in Redis. */
export const EXPIRE_SECONDS = 86_400;
