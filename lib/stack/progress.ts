export type ProgressPhase = 'installing' | 'waiting' | 'starting' | 'ready' | 'failed';

/** One step of one service on its way up. */
export interface ProgressEvent {
  readonly service: string;
  readonly phase: ProgressPhase;
  readonly message: string;
  /** Since work on this service began. */
  readonly elapsedMs: number;
}
