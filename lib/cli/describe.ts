import { Command, Option } from 'commander';
import { describe } from '../../topology/describe.ts';
import { plan } from '../plan/plan.ts';
import { printPlan } from '../plan/print.ts';
import { printLine } from './shared.ts';
import { loadTopology } from './topology-file.ts';

type Format = 'tree' | 'mermaid' | 'plan';

export const command = (): Command =>
  new Command('describe')
    .description('Prints the topology that FILE exports as default: a tree of its steps, a Mermaid picture, or the plan with stages, groups and topics. Nothing is connected.')
    .argument('<file>', 'a TypeScript or JavaScript file')
    .addOption(new Option('--format <format>', 'how to print it').choices(['tree', 'mermaid', 'plan']).default('tree'))
    .action(async (file: string, { format }: { readonly format: Format }) => {
      const topology = await loadTopology(file);
      printLine(format === 'plan' ? printPlan(plan(topology)) : describe(topology, { format }));
    });
