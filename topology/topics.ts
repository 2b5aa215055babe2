/** Settings of a topic that Millrace creates. */
export interface TopicOptions {
  /** Partitions when Millrace creates the topic. Default: as many as the topics that feed it have. */
  readonly partitions?: number;
  /** `retention.ms` as text: '30m', '12h', '7d' or 'forever'. Default: the broker's. */
  readonly retention?: string;
  readonly cleanup?: 'delete' | 'compact';
}
