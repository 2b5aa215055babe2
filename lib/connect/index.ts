/** Kafka Connect's connectors as files: read, validated, applied, watched. */
export { applyConnectors, type AppliedConnector } from './apply.ts';
export type { ConnectOptions } from './client.ts';
export { loadConnectors, parseConnector, type Connector } from './connector.ts';
export { connectorStatus, type ConnectorStatus, type StatusOptions, type TaskStatus } from './status.ts';
