/** Kafka Connect's connectors as files: read, validated, compared, applied, watched, and written for a database. */
export { applyConnectors, type AppliedConnector, type ApplyOptions } from './apply.ts';
export type { ConnectOptions } from './client.ts';
export { loadConnectors, parseConnector, type Connector } from './connector.ts';
export { controlConnectors, restartFailed, type Action, type ControlledConnector, type ControlOptions } from './control.ts';
export { diffConnectors, type ConnectorDiff, type DiffOptions, type KeyChange } from './diff.ts';
export type { Environment, PlaceholderMode } from './placeholders.ts';
export type { Need } from './requirements.ts';
export type { Ghost } from './ghosts.ts';
export { findGhosts, removeGhosts, type Resynced, type ResyncFound, type ResyncOptions } from './resync.ts';
export { scaffoldConnector, type Scaffold, type ScaffoldOptions } from './scaffold.ts';
export { requestSnapshot, type RequestedSnapshot, type SnapshotOptions } from './signal.ts';
export { connectorStatus, type ConnectorStatus, type StatusOptions, type TaskStatus } from './status.ts';
export { CHECKS, expectValid, validateConnectors, type Check, type ResolveOptions, type ValidateOptions, type Validation } from './validate.ts';
