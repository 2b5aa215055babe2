/** What the pipeline's outputs are called, for whoever reads them. */
export const names = {
  app: 'engagement',
  /** The stages that may have dead letters. */
  stages: ['app.public.engagement_events', 'engagement.enriched', 'warehouse', 'partner', 'totals', 'top', 'counters', 'recent'],
  /** What a run can be without, and the sinks that go with it. */
  systems: [
    { name: 'bigquery', sinks: ['warehouse'] },
    { name: 'partner', sinks: ['partner'] },
    { name: 'redis', sinks: ['totals', 'top', 'counters', 'recent'] },
  ],
  enrichedTopic: 'engagement.enriched',
  warehouse: { dataset: 'analytics', table: 'engagement_events' },
  redis: { totals: 'content:', top: 'top:engagement', counters: 'engagement:counters', recent: 'engagement:recent' },
  recentLength: 1_000,
} as const;

/** What goes wrong at the partner on purpose: one call in so many is refused for good, one in so many is accepted and the connection dropped. */
export const faults = { refuseEvery: 100, dropEvery: 100 } as const;
