import { Command } from 'commander';
import { status, type ServiceStatus } from '../stack/index.ts';
import { addDirOption, exitCodes, printJson, printLine, table, tell, UnhealthyError } from './shared.ts';

interface StatusFlags {
  readonly dir: string;
  readonly json?: true;
}

const state = (service: ServiceStatus): string => {
  if (!service.running) return 'stopped';
  return service.healthy ? 'healthy' : 'not answering';
};

const asTable = (services: readonly ServiceStatus[]): string =>
  table(
    ['SERVICE', 'STATE', 'PORTS', 'PID', 'SINCE', 'LOG'],
    services.map((service) => [
      service.name,
      state(service),
      Object.entries(service.ports)
        .map(([role, port]) => `${role}:${port}`)
        .join(' '),
      service.running ? String(service.pid) : '',
      service.running ? (service.startedAt ?? '') : '',
      service.log,
    ]),
  );

const show = async ({ dir, json }: StatusFlags): Promise<void> => {
  const services = await status({ dir });
  if (json === true) printJson({ dir, services });
  else if (services.length === 0) tell(`There is no stack in ${dir}. Bring it up with: millrace up`);
  else printLine(asTable(services));
  if (services.length === 0 || services.some((service) => !service.healthy)) throw new UnhealthyError();
};

export const command = (): Command =>
  addDirOption(new Command('status'))
    .description('Shows each service of the local stack with its ports, process and log.')
    .option('--json', 'as JSON: { dir, services }')
    .addHelpText('after', exitCodes('0  every service runs and answers', '1  failed', '2  wrong usage', '3  one does not run or does not answer, or there is no stack'))
    .action(show);
