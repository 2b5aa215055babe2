/** Health and metrics of a worker over HTTP. */
export { metricDefinitions, type MetricDefinition } from './definitions.ts';
export { healthOf, type Health } from './health.ts';
export { readSlots, type SlotHealth } from './slots.ts';
export { serve, type ServeOptions, type ServedWorker, type WorkerServer } from './serve.ts';
