/** Health and metrics of a worker over HTTP. */
export { metricDefinitions, type MetricDefinition } from './definitions.ts';
export { healthOf, type Health } from './health.ts';
export { serve, type ServeOptions, type ServedWorker, type WorkerServer } from './serve.ts';
