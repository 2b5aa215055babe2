/** Writes docs/METRICS.md: `node lib/server/page.ts > docs/METRICS.md`. A test holds the file to it. */
import { AGE_BOUNDS_MS, DURATION_BOUNDS_MS } from '../core/histogram.ts';
import { metricDefinitions } from './definitions.ts';

const rows = metricDefinitions.map(({ name, type, unit, labels, about }) =>
  `| \`${name}\` | ${type} | ${unit} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${about} |`);

const seconds = (boundsMs: readonly number[]): string => boundsMs.map((ms) => ms / 1_000).join(', ');

/** The page, as Markdown. */
export const metricsPage = (): string => `# Metrics and health

Every worker (\`millrace run\`, and each process of \`run --workers N\`) serves them on \`MILLRACE_HTTP_HOST\` (127.0.0.1) and
\`MILLRACE_HTTP_PORT\`: \`auto\`, the default, is the first free port from 9464 on, and the worker logs it; a number is that port,
for the first worker, and the ones after it for the others of \`--workers\`; \`off\` serves nothing. A program that calls
\`run(...)\` itself serves them with \`serve(handle)\`.

| path | answers |
| --- | --- |
| \`/health/live\` | 200 while the worker works or waits, 503 when it has failed. It asks no other system. |
| \`/health/ready\` | 200 when topics are prepared, tables loaded, and every stage is in its group with its tasks open, or waits for its outside sink; else 503. |
| \`/health\` | Both, 200 when live and ready. The JSON says what it waits for (\`waiting\`), and which outside sinks are down and why (\`sinksDown\`). |
| \`/metrics\` | The metrics below in Prometheus's text format. |

Outside sinks are no part of readiness, in a worker that starts as in one that runs: a stage whose sink is down waits, alone, and goes on by
itself; neither a restart nor another worker would help, so one partner that is down holds up no rolling deployment. It is told by
\`sinksDown\`, the log, \`millrace_sink_breaker_state\` and lag, and by the alerts MillraceBreakerOpen and MillraceStageStuck.

All counters begin at 0 with the process. Labels name parts of the topology only: \`stage\`, \`sink\` (the outside sink that a
stage ends in, which gives the stage its name), \`reason\`, \`topic\`; and replication slots, \`slot\`. Sum over workers for the whole application.

| name | type | unit | labels | meaning |
| --- | --- | --- | --- | --- |
${rows.join('\n')}

Histograms have \`_bucket\` (with \`le\`), \`_sum\` and \`_count\`. Buckets in seconds: ages of events ${seconds(AGE_BOUNDS_MS)};
all others ${seconds(DURATION_BOUNDS_MS)}.

Beside them stand the figures of the process, \`process_*\` (CPU seconds, resident memory, file descriptors) and \`nodejs_*\`
(event loop lag, heap, garbage collection), as prom-client names them.

\`deploy/prometheus\` has a configuration and alert rules, \`deploy/grafana\` a dashboard; a test loads them into a Prometheus that
scrapes a running worker.
`;

if (import.meta.main) process.stdout.write(metricsPage());
