import type { HistogramFigures } from '../core/histogram.ts';
import { metricDefinitions, type Labels, type MetricDefinition, type Subject } from './definitions.ts';

/** The media type of Prometheus's text format. */
export const TEXT_FORMAT = 'text/plain; version=0.0.4; charset=utf-8';

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

const labelText = (labels: Labels & { readonly le?: string }): string => {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`);
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
};

const histogramLines = (name: string, labels: Labels, { boundsMs, counts, sumMs, count }: HistogramFigures): string[] => {
  let below = 0;
  const buckets = boundsMs.map((boundMs, i) => {
    below += counts[i]!;
    return `${name}_bucket${labelText({ ...labels, le: String(boundMs / 1_000) })} ${below}`;
  });
  return [...buckets, `${name}_bucket${labelText({ ...labels, le: '+Inf' })} ${count}`, `${name}_sum${labelText(labels)} ${sumMs / 1_000}`, `${name}_count${labelText(labels)} ${count}`];
};

const lines = (definition: MetricDefinition, subject: Subject): string[] => {
  const { name, type, about } = definition;
  const head = [`# HELP ${name} ${escaped(about)}`, `# TYPE ${name} ${type}`];
  if (definition.type === 'histogram') return [...head, ...definition.series(subject).flatMap(({ labels, value }) => histogramLines(name, labels, value))];
  return [...head, ...definition.series(subject).map(({ labels, value }) => `${name}${labelText(labels)} ${value}`)];
};

/** All metrics of a worker in Prometheus's text format. */
export const exposition = (subject: Subject): string => `${metricDefinitions.flatMap((definition) => lines(definition, subject)).join('\n')}\n`;
