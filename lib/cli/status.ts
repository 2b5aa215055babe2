import { Command } from 'commander';
import { messageOf } from '../core/errors.ts';
import { scrub } from '../core/logger.ts';
import { readSlots, type SlotHealth } from '../server/index.ts';
import { attach, status, type ServiceStatus } from '../stack/index.ts';
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

const MIB = 1_048_576;

const mebibytes = (bytes: number | null): string => (bytes === null ? '' : `${(bytes / MIB).toFixed(1)} MiB`);

const slotTable = (slots: readonly SlotHealth[]): string =>
  table(
    ['SLOT', 'ACTIVE', 'WAL KEPT', 'BEHIND', 'WAL STATUS', 'DATABASE'],
    slots.map((slot) => [slot.slot, slot.active ? 'yes' : 'no', mebibytes(slot.retainedBytes), mebibytes(slot.lagBytes), slot.walStatus ?? '', slot.database ?? '']),
  );

/** Of the stack's PostgreSQL; none while it does not answer. */
const slotsOf = async (dir: string, services: readonly ServiceStatus[]): Promise<readonly SlotHealth[]> => {
  if (!services.some(({ name, healthy }) => name === 'postgres' && healthy)) return [];
  const { postgresUrl } = (await attach({ dir })).endpoints;
  if (postgresUrl === undefined) return [];
  return readSlots(postgresUrl).catch((error: unknown) => {
    tell(`The replication slots cannot be shown: ${scrub(messageOf(error))}`);
    return [];
  });
};

const show = async ({ dir, json }: StatusFlags): Promise<void> => {
  const services = await status({ dir });
  const slots = await slotsOf(dir, services);
  if (json === true) printJson({ dir, services, slots });
  else if (services.length === 0) tell(`There is no stack in ${dir}. Bring it up with: millrace up`);
  else {
    printLine(asTable(services));
    if (slots.length > 0) printLine(`\n${slotTable(slots)}`);
  }
  if (services.length === 0 || services.some((service) => !service.healthy) || slots.some(({ walStatus }) => walStatus === 'lost')) throw new UnhealthyError();
};

export const command = (): Command =>
  addDirOption(new Command('status'))
    .description("Shows each service of the local stack with its ports, process and log, and the replication slots of its PostgreSQL: whether a connector reads them, and the WAL that is kept for them.")
    .option('--json', 'as JSON: { dir, services, slots }')
    .addHelpText('after', exitCodes('0  every service runs and answers', '1  failed', '2  wrong usage', '3  one does not run or does not answer, a slot is lost, or there is no stack'))
    .action(show);
