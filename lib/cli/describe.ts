import { Command, Option } from 'commander';
import { describe } from '../../topology/describe.ts';
import type { Topology } from '../../topology/topology.ts';
import { plan } from '../plan/plan.ts';
import { printPlan } from '../plan/print.ts';
import { planJson } from './describe/json.ts';
import { planSvg } from './describe/svg.ts';
import { exitCodes, printLine } from './shared.ts';
import { loadTopology } from './topology-file.ts';

const FORMATS = {
  tree: (topology) => describe(topology),
  mermaid: (topology) => describe(topology, { format: 'mermaid' }),
  plan: (topology) => printPlan(plan(topology)),
  json: (topology) => planJson(plan(topology)),
  svg: (topology) => planSvg(plan(topology), topology),
} as const satisfies Readonly<Record<string, (topology: Topology) => string>>;

type Format = keyof typeof FORMATS;

export const command = (): Command =>
  new Command('describe')
    .description(
      'Prints the topology that FILE exports as default: a tree of its steps, a Mermaid or an SVG picture, or the plan with stages, groups and topics, for ' +
        'people or as JSON. Nothing is connected.',
    )
    .argument('<file>', 'a TypeScript or JavaScript file')
    .addOption(new Option('--format <format>', 'how to print it').choices(Object.keys(FORMATS)).default('tree'))
    .addOption(new Option('--json', 'the same as --format json').implies({ format: 'json' }))
    .addHelpText('after', exitCodes('0  done', '1  failed', '2  wrong usage, or FILE has no sound topology'))
    .action(async (file: string, { format }: { readonly format: Format }) => printLine(FORMATS[format](await loadTopology(file)).trimEnd()));
